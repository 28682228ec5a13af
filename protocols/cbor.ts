/**
 * CBOR (RFC 8949), the part that data on a wire needs: numbers, texts, bytes, arrays, maps, the simple values, and
 * bignums and decimal fractions as numbers. Nothing is trusted: lengths are held against what is there.
 */

/** Maps keep their keys as they are: SenML's are numbers. Whole numbers beyond 2^53 come as bigint. */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | undefined
  | Uint8Array
  | CborValue[]
  | Map<CborValue, CborValue>

/** Reads one CBOR item that fills `bytes`. Returns a sentence about what is wrong when there is none. */
export function readCbor(bytes: Uint8Array): { readonly value: CborValue } | string {
  try {
    const cursor: Cursor = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 }
    const value = readItem(cursor, 0)
    const left = bytes.length - cursor.at
    return left === 0 ? { value } : `${left} bytes follow the item`
  } catch (error) {
    if (error instanceof NotCbor) return error.message
    throw error
  }
}

/** Thrown from the depth of an item and caught in `readCbor`. */
class NotCbor extends Error {}

interface Cursor {
  readonly view: DataView
  at: number
}

const deepest = 32
const breakByte = 0xff
const indefinite = 31

function readItem(cursor: Cursor, depth: number): CborValue {
  if (depth > deepest) throw new NotCbor(`deeper than ${deepest} levels`)
  const at = cursor.at
  const first = readUint8(cursor)
  const major = first >> 5
  const info = first & 0x1f
  if (major === 7) return readSimple(cursor, info)
  if (info === indefinite) return readIndefinite(cursor, major, depth)
  const argument = readArgument(cursor, info)
  if (major === 0) return argument
  if (major === 1) return typeof argument === 'bigint' ? -1n - argument : exact(-1n - BigInt(argument))
  if (major === 6) return readTagged(cursor, Number(argument), depth)
  const length = Number(argument)
  if (length > cursor.view.byteLength - cursor.at) throw new NotCbor(`${length} elements at byte ${at}, and the end`)
  if (major === 2) return readBytes(cursor, length)
  if (major === 3) return textOf(readBytes(cursor, length))
  if (major === 4) return Array.from({ length }, () => readItem(cursor, depth + 1))
  const map = new Map<CborValue, CborValue>()
  for (let pair = 0; pair < length; pair++) readPair(cursor, map, depth)
  return map
}

/** Number of an item's head: in its first byte up to 23, else in the 1, 2, 4 or 8 bytes after it. */
function readArgument(cursor: Cursor, info: number): number | bigint {
  if (info < 24) return info
  const width = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : info === 27 ? 8 : 0
  if (width === 0) throw new NotCbor(`reserved length ${info} at byte ${cursor.at - 1}`)
  const at = advance(cursor, width)
  if (width === 1) return cursor.view.getUint8(at)
  if (width === 2) return cursor.view.getUint16(at)
  if (width === 4) return cursor.view.getUint32(at)
  return exact(cursor.view.getBigUint64(at))
}

function readSimple(cursor: Cursor, info: number): CborValue {
  if (info === 20) return false
  if (info === 21) return true
  if (info === 22) return null
  if (info === 23) return undefined
  if (info === 25) return halfFloat(cursor.view.getUint16(advance(cursor, 2)))
  if (info === 26) return cursor.view.getFloat32(advance(cursor, 4))
  if (info === 27) return cursor.view.getFloat64(advance(cursor, 8))
  throw new NotCbor(`simple value ${info} at byte ${cursor.at - 1} has no meaning here`)
}

/** RFC 8949 appendix D. */
function halfFloat(half: number): number {
  const exponent = (half >> 10) & 0x1f
  const mantissa = half & 0x3ff
  const sign = half & 0x8000 ? -1 : 1
  if (exponent === 0) return sign * mantissa * 2 ** -24
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (mantissa + 1024) * 2 ** (exponent - 25)
}

function readIndefinite(cursor: Cursor, major: number, depth: number): CborValue {
  if (major < 2 || major > 5) throw new NotCbor(`an endless item of major type ${major} at byte ${cursor.at - 1}`)
  const items: CborValue[] = []
  const map = new Map<CborValue, CborValue>()
  while (!atBreak(cursor))
    if (major === 5) readPair(cursor, map, depth)
    else items.push(readItem(cursor, depth + 1))
  if (major === 4) return items
  if (major === 5) return map
  return major === 2 ? joinedBytes(items) : joinedText(items)
}

function joinedBytes(chunks: readonly CborValue[]): Uint8Array {
  const bytes = chunks.filter(chunk => chunk instanceof Uint8Array)
  if (bytes.length < chunks.length) throw new NotCbor('a byte string in pieces holds something else')
  return Buffer.concat(bytes)
}

function joinedText(chunks: readonly CborValue[]): string {
  const texts = chunks.filter(chunk => typeof chunk === 'string')
  if (texts.length < chunks.length) throw new NotCbor('a text in pieces holds something else')
  return texts.join('')
}

function atBreak(cursor: Cursor): boolean {
  if (cursor.at >= cursor.view.byteLength) throw new NotCbor('the end inside an endless item')
  if (cursor.view.getUint8(cursor.at) !== breakByte) return false
  cursor.at++
  return true
}

function readPair(cursor: Cursor, map: Map<CborValue, CborValue>, depth: number): void {
  const key = readItem(cursor, depth + 1)
  if (map.has(key)) throw new NotCbor(`a key twice in the map before byte ${cursor.at}`)
  map.set(key, readItem(cursor, depth + 1))
}

/** Bignums (2, 3), decimal fractions (4) and bigfloats (5) as numbers; what any other tag says is left aside. */
function readTagged(cursor: Cursor, tag: number, depth: number): CborValue {
  const item = readItem(cursor, depth + 1)
  if ((tag === 2 || tag === 3) && item instanceof Uint8Array) {
    if (item.length > 1024) throw new NotCbor(`a number of ${item.length} bytes`)
    const size = item.length === 0 ? 0n : BigInt(`0x${Buffer.from(item).toString('hex')}`)
    return exact(tag === 2 ? size : -1n - size)
  }
  if ((tag === 4 || tag === 5) && Array.isArray(item)) {
    const [exponent, mantissa] = item
    if (typeof exponent !== 'number' || (typeof mantissa !== 'number' && typeof mantissa !== 'bigint'))
      throw new NotCbor('a fraction that is not two whole numbers')
    // Through the decimal text, so that 2730 × 10^-2 is the 27.3 that was meant.
    return tag === 4 ? Number(`${mantissa}e${exponent}`) : Number(mantissa) * 2 ** exponent
  }
  return item
}

function exact(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new NotCbor('a text that is no UTF-8', { cause })
  }
}

function readUint8(cursor: Cursor): number {
  return cursor.view.getUint8(advance(cursor, 1))
}

function readBytes(cursor: Cursor, length: number): Uint8Array {
  const at = advance(cursor, length)
  return new Uint8Array(cursor.view.buffer, cursor.view.byteOffset + at, length)
}

/** Steps over `width` bytes. Returns where they begin. */
function advance(cursor: Cursor, width: number): number {
  const at = cursor.at
  if (at + width > cursor.view.byteLength) throw new NotCbor(`the end after ${cursor.view.byteLength} bytes`)
  cursor.at += width
  return at
}
