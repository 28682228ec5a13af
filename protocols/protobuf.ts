/**
 * Protocol Buffers on the wire: fields with their numbers, in the order they came. What a number means is the
 * caller's; a field it does not know it passes over, as the format asks.
 */

export interface WireField {
  readonly number: number
  /** Varints and fixed-width fields as unsigned numbers, everything else as its bytes. */
  readonly value: bigint | Uint8Array
}

/** The fields of a message. Returns a sentence about what is wrong when the bytes are none. */
export function readFields(bytes: Uint8Array): WireField[] | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const fields: WireField[] = []
  let at = 0
  while (at < bytes.length) {
    const tag = readVarint(bytes, at)
    if (tag === undefined) return `no field begins at byte ${at}`
    const number = Number(tag.value >> 3n)
    if (number === 0 || number > 0x1fffffff) return `there is no field ${number} (byte ${at})`
    const read = readValue(view, tag.next, Number(tag.value & 7n))
    if (typeof read === 'string') return `field ${number}: ${read}`
    fields.push({ number, value: read.value })
    at = read.next
  }
  return fields
}

interface Read<T> {
  readonly value: T
  readonly next: number
}

function readValue(view: DataView, at: number, wireType: number): Read<bigint | Uint8Array> | string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  if (wireType === 0) return readVarint(bytes, at) ?? 'a number without an end'
  if (wireType === 1)
    return at + 8 <= bytes.length
      ? { value: view.getBigUint64(at, true), next: at + 8 }
      : 'the end inside a number of 8 bytes'
  if (wireType === 5)
    return at + 4 <= bytes.length
      ? { value: BigInt(view.getUint32(at, true)), next: at + 4 }
      : 'the end inside a number of 4 bytes'
  // Groups (3, 4) went out of use before any format we read began.
  if (wireType !== 2) return `wire type ${wireType}`
  const length = readVarint(bytes, at)
  if (length === undefined) return 'a length without an end'
  if (length.value > BigInt(bytes.length - length.next)) return `${length.value} bytes announced, and the end`
  const next = length.next + Number(length.value)
  return { value: bytes.subarray(length.next, next), next }
}

/** A varint has at most 10 bytes; the bits beyond 64 are cut, as everywhere. */
function readVarint(bytes: Uint8Array, at: number): Read<bigint> | undefined {
  let low = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return undefined
    low += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value: BigInt(low), next: at + i + 1 }
  }
  let value = BigInt(low)
  for (let i = 4; i < 10; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return undefined
    value |= BigInt(byte & 0x7f) << BigInt(7 * i)
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), next: at + i + 1 }
  }
  return undefined
}

/** Writes a varint field. */
export function varintField(number: number, value: number | bigint | boolean): Uint8Array {
  return Buffer.concat([varint(number << 3), varint(BigInt(value))])
}

/** Writes a field of bytes; a text as UTF-8. */
export function bytesField(number: number, value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])
}

/** Writes a field of eight bytes: a double. */
export function doubleField(number: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([varint((number << 3) | 1), bytes])
}

function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  return Uint8Array.of(...bytes, Number(rest))
}
