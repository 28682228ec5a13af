/**
 * Packets of HJ 212 (2005 and 2017), pollution sources: `##`, four digits of length, the data, four hex digits of
 * checksum, CR LF. Two checksums are in use; which one a device has is written in its profile.
 */
import { crc16Modbus } from '../crc16.ts'

/** `annex-a`: the one of HJ 212 Annex A. `modbus`: plain CRC-16/MODBUS, in a quarter of the published packets. */
export type Hj212Dialect = 'annex-a' | 'modbus'

/** What eight steps make of each value: a port that anyone can reach must not be kept busy with sums. */
const eightSteps = Uint16Array.from({ length: 65_536 }, (_, value) => {
  let sum = value
  for (let bit = 0; bit < 8; bit++) sum = (sum & 1) === 1 ? (sum >>> 1) ^ 0xa001 : sum >>> 1
  return sum
})

/** Annex A: shift first, then the byte into what is left; start FFFF, polynomial A001. It knows few values: never rely on it. */
export function crc16AnnexA(bytes: Uint8Array): number {
  let sum = 0xffff
  for (const byte of bytes) sum = eightSteps[(sum >>> 8) ^ byte] ?? 0
  return sum
}

/** The checksum as it is sent. */
export function hj212Sum(data: Uint8Array, dialect: Hj212Dialect): string {
  const sum = dialect === 'annex-a' ? crc16AnnexA(data) : crc16Modbus(data)
  return sum.toString(16).toUpperCase().padStart(4, '0')
}

export interface Hj212Packet {
  readonly dialect: Hj212Dialect
  /** Between the length and the checksum. */
  readonly text: string
}

export type ReadHj212 =
  | {
      readonly kind: 'packet'
      readonly packet: Hj212Packet /** First byte behind the packet and its CR LF. */
      readonly next: number
    }
  | { readonly kind: 'incomplete' | 'broken' | 'contradiction'; readonly detail: string }

const headBytes = 6
const sumBytes = 4
/** The standard allows 1024 bytes of data; four digits can say more, and some devices do. */
export const longestHj212Bytes = headBytes + 9999 + sumBytes + 2

/** Reads the packet that begins at the first byte. Never throws. */
export function readHj212(bytes: Uint8Array): ReadHj212 {
  const head = asciiOf(bytes.subarray(0, headBytes))
  if (!'##'.startsWith(head.slice(0, 2)))
    return { kind: 'broken', detail: `a packet begins with ##, this one with ${JSON.stringify(head)}` }
  if (!/^\d*$/.test(head.slice(2)))
    return { kind: 'broken', detail: `behind ## come four digits, not ${JSON.stringify(head.slice(2))}` }
  if (head.length < headBytes) return { kind: 'incomplete', detail: 'the length is not complete yet' }
  const said = Number(head.slice(2))
  return readAt(bytes, said) ?? readAtCharacters(bytes, said) ?? withoutFit(bytes, said)
}

/** The packet when its length, in bytes, and its checksum fit; undefined when they do not. */
function readAt(bytes: Uint8Array, length: number): ReadHj212 | undefined {
  const sumAt = headBytes + length
  if (bytes.length < sumAt + sumBytes) return undefined
  const data = bytes.subarray(headBytes, sumAt)
  const dialect = dialectOf(data, asciiOf(bytes.subarray(sumAt, sumAt + sumBytes)))
  if (dialect === undefined) return undefined
  return { kind: 'packet', packet: { dialect, text: textOf(data) }, next: behindLineEnd(bytes, sumAt + sumBytes) }
}

/** The length may count characters, where the text is not ASCII. */
function readAtCharacters(bytes: Uint8Array, characters: number): ReadHj212 | undefined {
  const data = dataBeforeSum(bytes)
  if (data === undefined || data.length === characters || textOf(data).length !== characters) return undefined
  return readAt(bytes, data.length)
}

/** Everything up to the four characters before the first line end, or before the last byte. */
function dataBeforeSum(bytes: Uint8Array): Uint8Array | undefined {
  const lineEnd = bytes.indexOf(0x0d, headBytes)
  const end = Math.min(lineEnd === -1 ? bytes.length : lineEnd, longestHj212Bytes) - sumBytes
  return end < headBytes ? undefined : bytes.subarray(headBytes, end)
}

function withoutFit(bytes: Uint8Array, said: number): ReadHj212 {
  const data = dataBeforeSum(bytes)
  const found = data === undefined ? undefined : readAt(bytes, data.length)
  if (data !== undefined && found !== undefined) {
    return { kind: 'contradiction', detail: `the length says ${said} and the data has ${data.length}` }
  }
  const complete = bytes.length >= headBytes + said + sumBytes
  if (!complete && !endsWithin(bytes, said)) {
    return { kind: 'incomplete', detail: `${bytes.length} of ${headBytes + said + sumBytes} bytes are there` }
  }
  return { kind: 'broken', detail: wrongSum(bytes, complete ? said : (data?.length ?? 0)) }
}

/** The line ends too early, or the parameters are closed too early and no hex digits of a checksum may follow there. */
function endsWithin(bytes: Uint8Array, said: number): boolean {
  if (bytes.includes(0x0d, headBytes)) return true
  const [closed] = /CP=&&.*?&&/s.exec(asciiOf(bytes)) ?? []
  if (closed === undefined) return false
  const behind = asciiOf(bytes).split(closed)[1] ?? ''
  const early = bytes.length - behind.length < headBytes + said
  return early && (behind.length >= sumBytes || /[^0-9A-Fa-f]/.test(behind))
}

function wrongSum(bytes: Uint8Array, length: number): string {
  const data = bytes.subarray(headBytes, headBytes + length)
  const given = asciiOf(bytes.subarray(headBytes + length, headBytes + length + sumBytes))
  const [annexA, modbus] = [hj212Sum(data, 'annex-a'), hj212Sum(data, 'modbus')]
  return `the checksum is ${JSON.stringify(given)} and should be ${annexA} (or ${modbus} of devices that use MODBUS's)`
}

/** Which checksum it is; Annex A's where both are the same. */
export function dialectOf(data: Uint8Array, given: string): Hj212Dialect | undefined {
  const sum = given.toUpperCase()
  if (!/^[0-9A-F]{4}$/.test(sum)) return undefined
  if (sum === hj212Sum(data, 'annex-a')) return 'annex-a'
  return sum === hj212Sum(data, 'modbus') ? 'modbus' : undefined
}

function behindLineEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] === 0x0d) return bytes[at + 1] === 0x0a ? at + 2 : at + 1
  return bytes[at] === 0x0a ? at + 1 : at
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
const gb18030 = new TextDecoder('gb18030')

/** UTF-8 where it is, else GB 18030: the standard names no encoding. */
function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return gb18030.decode(bytes) // not UTF-8
  }
}

function asciiOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

/** Writes a packet around `text`, CR LF included. Throws RangeError beyond four digits of length. */
export function writeHj212(text: string, dialect: Hj212Dialect): Uint8Array {
  const data = Buffer.from(text)
  if (data.length > 9999) throw new RangeError(`${data.length} bytes of data: four digits of length say up to 9999`)
  const length = String(data.length).padStart(4, '0')
  return Uint8Array.from(
    Buffer.concat([Buffer.from(`##${length}`), data, Buffer.from(`${hj212Sum(data, dialect)}\r\n`)]),
  )
}
