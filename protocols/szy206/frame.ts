/**
 * Frames of SZY 206-2016, telemetry of water resources: `68 L 68`, control, address, function, data, checksum, `16`.
 */
import { hexOf } from '../hex.ts'

/** CRC-8 with polynomial x7+x6+x5+x2+1 (E5), start 0, over control, address and user data. */
export function crc8(bytes: Uint8Array): number {
  let sum = 0
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum & 0x80) === 0 ? (sum << 1) & 0xff : ((sum << 1) ^ 0xe5) & 0xff
  }
  return sum
}

export interface Szy206Frame {
  /** Bytes from control to before the checksum. */
  readonly length: number
  readonly control: number
  readonly direction: 'up' | 'down'
  /** The byte that counts down the packets of a split message; only when the split bit is set. */
  readonly packetsLeft?: number
  /** What the low four bits of the control byte name: the kind of data upwards, the kind of command downwards. */
  readonly kind: number
  readonly address: Uint8Array
  /** Application function: C0 is a station's own report. */
  readonly afn: number
  readonly data: Uint8Array
}

export type ReadSzy206 =
  | { readonly kind: 'frame'; readonly frame: Szy206Frame; readonly next: number }
  | { readonly kind: 'incomplete' | 'broken' | 'contradiction'; readonly detail: string }

const splitBit = 0x40
const smallestLength = 7
/** 68 L 68 before, checksum and 16 behind. */
const aroundBytes = 5
export const longestSzy206Bytes = 255 + aroundBytes

/** Reads the frame that begins at the first byte. Never throws. */
export function readSzy206(bytes: Uint8Array): ReadSzy206 {
  const shape = shapeTrouble(bytes)
  if (shape !== undefined) return shape
  const length = bytes[1] ?? 0
  const next = length + aroundBytes
  if (bytes.length < next) {
    if (endsRight(bytes)) return contradiction(length, bytes.length)
    return { kind: 'incomplete', detail: `${bytes.length} of ${next} bytes are there` }
  }
  const user = bytes.subarray(3, 3 + length)
  const [given, end] = [bytes[3 + length] ?? 0, bytes[4 + length]]
  if (given !== crc8(user) || end !== 0x16) {
    if (endsRight(bytes)) return contradiction(length, bytes.length)
    if (end !== 0x16) return { kind: 'broken', detail: 'the frame does not end with 16 where its length says' }
    return { kind: 'broken', detail: `the checksum is ${hexByte(given)} and should be ${hexByte(crc8(user))}` }
  }
  return readUserData(user, length, next)
}

function shapeTrouble(bytes: Uint8Array): Exclude<ReadSzy206, { kind: 'frame' }> | undefined {
  const [lead, length, again] = bytes
  if (lead === undefined) return { kind: 'incomplete', detail: 'there are no bytes' }
  if (lead !== 0x68) return { kind: 'broken', detail: `a frame begins with 68, this one with ${hexByte(lead)}` }
  if (again !== undefined && again !== 0x68) return { kind: 'broken', detail: 'the third byte must be 68 again' }
  if (length !== undefined && length < smallestLength) {
    return { kind: 'broken', detail: `a length of ${length}: control, address and function need ${smallestLength}` }
  }
  return again === undefined ? { kind: 'incomplete', detail: 'the header is not complete yet' } : undefined
}

function endsRight(bytes: Uint8Array): boolean {
  const user = bytes.subarray(3, bytes.length - 2)
  return user.length >= smallestLength && bytes.at(-1) === 0x16 && bytes.at(-2) === crc8(user)
}

function contradiction(said: number, all: number): ReadSzy206 {
  return { kind: 'contradiction', detail: `the header says ${said} bytes, there are ${all - aroundBytes}` }
}

function hexByte(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0')
}

function readUserData(user: Uint8Array, length: number, next: number): ReadSzy206 {
  const control = user[0] ?? 0
  const split = (control & splitBit) !== 0
  if (split && length < smallestLength + 1) {
    return { kind: 'contradiction', detail: 'a split message without the byte that counts its packets' }
  }
  const addressAt = split ? 2 : 1
  const frame: Szy206Frame = {
    length,
    control,
    direction: (control & 0x80) === 0 ? 'down' : 'up',
    ...(split ? { packetsLeft: user[1] ?? 0 } : {}),
    kind: control & 0x0f,
    address: user.subarray(addressAt, addressAt + 5),
    afn: user[addressAt + 5] ?? 0,
    data: user.subarray(addressAt + 6),
  }
  return { kind: 'frame', frame, next }
}

/** The fields of the vectors. */
export interface Szy206Record {
  readonly L: number
  readonly control: string
  readonly dir: 'up' | 'down'
  readonly packetsLeft?: number
  readonly address: string
  readonly afn: string
  readonly dataHex: string
}

/** A frame in the fields of the vectors; the data stays as it came. */
export function szy206Record({
  length,
  control,
  direction,
  packetsLeft,
  address,
  afn,
  data,
}: Szy206Frame): Szy206Record {
  return {
    L: length,
    control: hexByte(control),
    dir: direction,
    ...(packetsLeft === undefined ? {} : { packetsLeft }),
    address: hexOf(address),
    afn: hexByte(afn),
    dataHex: hexOf(data),
  }
}

/** Writes a frame. Throws RangeError when the data is longer than the length byte can say. */
export function writeSzy206(
  frame: Pick<Szy206Frame, 'control' | 'address' | 'afn' | 'data' | 'packetsLeft'>,
): Uint8Array {
  const { control, address, afn, data, packetsLeft } = frame
  const counted = (control & splitBit) === 0 ? [] : [packetsLeft ?? 0]
  const user = Uint8Array.of(control, ...counted, ...address, afn, ...data)
  if (user.length > 255) throw new RangeError(`${user.length} bytes: 255 fit into one frame`)
  return Uint8Array.of(0x68, user.length, 0x68, ...user, crc8(user), 0x16)
}

/**
 * A number of BCD digits, lowest byte first; F in the highest digit is a minus sign. Undefined when the digits are none.
 * Read from the one published self-report, not from the text of the standard.
 */
export function decimalOf(bytes: Uint8Array, decimals: number): number | undefined {
  const digits = hexOf(bytes.toReversed())
  const negative = digits.startsWith('F')
  const plain = negative ? digits.slice(1) : digits
  if (!/^\d+$/.test(plain)) return undefined
  const padded = plain.padStart(decimals + 1, '0')
  const value = Number(`${padded.slice(0, padded.length - decimals)}.${padded.slice(padded.length - decimals)}`)
  return negative && value !== 0 ? -value : value
}
