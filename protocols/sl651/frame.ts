/**
 * Frames of SL 651-2014, hydrological telemetry, in both codings: where one begins and ends, what its header says, and
 * whether its checksum is right. What the body means is in `message.ts`.
 */
import { crc16Modbus } from '../crc16.ts'
import { hexOf, latin1Of } from '../hex.ts'

/** Marks that end a text: the last (ETX) or not the last packet (ETB) upwards; what the centre wants downwards. */
export const endMarks = { ETX: 0x03, EOT: 0x04, ENQ: 0x05, ACK: 0x06, NAK: 0x15, ETB: 0x17, ESC: 0x1b } as const
export type EndMark = keyof typeof endMarks

/** Marks that begin a text: a whole message (STX) or one packet of several (SYN). */
export const startMarks = { STX: 0x02, SYN: 0x16 } as const
export type StartMark = keyof typeof startMarks

/** `hex`: binary and BCD behind 7E 7E; `ascii`: characters behind SOH. */
export type Coding = 'hex' | 'ascii'

/** What stands before the text, in either coding. */
export interface Header {
  readonly direction: 'up' | 'down'
  readonly center: number
  /** Ten characters, opaque: mostly BCD digits, but field stations have letters in it. */
  readonly station: string
  /** Four hex characters. */
  readonly password: string
  /** Two hex characters. */
  readonly func: string
  /** As the header says, packet numbers included. */
  readonly bodyLen: number
  readonly start: StartMark
}

export interface Sl651Frame extends Header {
  readonly coding: Coding
  readonly end: EndMark
  /** How many packets the message has and which one this is, from 1; only behind SYN. */
  readonly packets?: number
  readonly packetNo?: number
  /** Without the packet numbers. */
  readonly body: Uint8Array
}

export type ReadFrame =
  | { readonly kind: 'frame'; readonly frame: Sl651Frame /** First byte behind the checksum. */; readonly next: number }
  | { readonly kind: 'incomplete'; readonly detail: string }
  /** Not a frame, or damaged. */
  | { readonly kind: 'broken'; readonly detail: string }
  /** The checksum of all bytes is right, and what they say of themselves is not. */
  | { readonly kind: 'contradiction'; readonly detail: string }

/** Sizes of one coding: the same fields, in characters or in bytes. */
interface Layout {
  readonly coding: Coding
  readonly lead: readonly number[]
  /** Characters per byte of a header field. */
  readonly width: 1 | 2
}

const layouts: readonly Layout[] = [
  { coding: 'hex', lead: [0x7e, 0x7e], width: 1 },
  { coding: 'ascii', lead: [0x01], width: 2 },
]

const fieldBytes = { addresses: 6, password: 2, func: 1, length: 2 } as const

/** Bytes from the first to the start mark inclusive. */
function headerLength({ lead, width }: Layout): number {
  const { addresses, password, func, length } = fieldBytes
  return lead.length + (addresses + password + func + length) * width + 1
}

/** Longest frame there can be, either coding. */
export const longestFrameBytes = 24 + 4095 + 1 + 4

/** Reads the frame that begins at the first byte. Never throws. */
export function readFrame(bytes: Uint8Array): ReadFrame {
  const layout = layouts.find(({ lead }) => lead.every((mark, at) => bytes[at] === mark))
  if (layout === undefined) return withoutLead(bytes)
  if (bytes.length < headerLength(layout)) return partOfHeader(bytes, layout)
  const header = readHeader(bytes, layout)
  if (typeof header === 'string') return { kind: 'broken', detail: header }
  return readRest(bytes, layout, header)
}

function withoutLead(bytes: Uint8Array): ReadFrame {
  if (bytes.length === 0) return { kind: 'incomplete', detail: 'there are no bytes' }
  if (bytes.length === 1 && bytes[0] === 0x7e) return { kind: 'incomplete', detail: 'the header is not complete yet' }
  const found = hexOf(bytes.subarray(0, 2))
  return { kind: 'broken', detail: `a frame begins with 7E7E (hex) or 01 (ASCII), this one with ${found}` }
}

/** SOH is a frequent byte of noise: what cannot become a header is not waited for. */
function partOfHeader(bytes: Uint8Array, { lead, width }: Layout): ReadFrame {
  const digits = latin1Of(bytes.subarray(lead.length))
  if (width === 2 && !/^[0-9A-Fa-f]*$/.test(digits)) {
    return { kind: 'broken', detail: 'the header holds other characters than hex digits' }
  }
  return { kind: 'incomplete', detail: 'the header is not complete yet' }
}

function readHeader(bytes: Uint8Array, layout: Layout): Header | string {
  const { lead, width } = layout
  const end = headerLength(layout) - 1
  const digits = width === 1 ? hexOf(bytes.subarray(lead.length, end)) : latin1Of(bytes.subarray(lead.length, end))
  if (!/^[0-9A-Fa-f]{22}$/.test(digits))
    return `the header holds other characters than hex digits: ${hexOf(bytes.subarray(0, end))}`
  const direction = digits[18] === '0' ? 'up' : digits[18] === '8' ? 'down' : undefined
  if (direction === undefined) return `the direction must be 0 (up) or 8 (down), not ${digits[18]}`
  const start = startMarkOf(bytes[end])
  if (start === undefined)
    return `the text must begin with STX (02) or SYN (16), not ${hexOf(bytes.subarray(end, end + 1))}`
  // Downwards the addresses change places: whoever is spoken to comes first.
  const [center, station] =
    direction === 'up' ? [digits.slice(0, 2), digits.slice(2, 12)] : [digits.slice(10, 12), digits.slice(0, 10)]
  return {
    direction,
    center: Number.parseInt(center, 16),
    station: station.toUpperCase(),
    password: digits.slice(12, 16).toUpperCase(),
    func: digits.slice(16, 18).toUpperCase(),
    bodyLen: Number.parseInt(digits.slice(19), 16),
    start,
  }
}

function startMarkOf(byte: number | undefined): StartMark | undefined {
  return byte === startMarks.STX ? 'STX' : byte === startMarks.SYN ? 'SYN' : undefined
}

function endMarkOf(byte: number | undefined): EndMark | undefined {
  for (const mark of endMarkNames) if (endMarks[mark] === byte) return mark
  return undefined
}

const endMarkNames: readonly EndMark[] = ['ETX', 'EOT', 'ENQ', 'ACK', 'NAK', 'ETB', 'ESC']

function readRest(bytes: Uint8Array, layout: Layout, header: Header): ReadFrame {
  const bodyAt = headerLength(layout)
  const endAt = bodyAt + header.bodyLen
  const next = endAt + 1 + 2 * layout.width
  if (bytes.length < next) {
    if (endsRight(bytes, layout)) return contradiction(header, bytes.length - bodyAt - 1 - 2 * layout.width)
    return { kind: 'incomplete', detail: `${bytes.length} of ${next} bytes are there` }
  }
  if (!sumFits(bytes.subarray(0, next), layout)) {
    if (endsRight(bytes, layout)) return contradiction(header, bytes.length - bodyAt - 1 - 2 * layout.width)
    return { kind: 'broken', detail: wrongSum(bytes.subarray(0, next), layout) }
  }
  const end = endMarkOf(bytes[endAt])
  if (end === undefined) {
    return { kind: 'contradiction', detail: `${hexOf(bytes.subarray(endAt, endAt + 1))} is no mark that ends a text` }
  }
  const numbered = withPacketNumber(bytes.subarray(bodyAt, endAt), header, layout)
  if (numbered === undefined) return { kind: 'contradiction', detail: 'a packet (SYN) without its number' }
  return { kind: 'frame', frame: { coding: layout.coding, ...header, end, ...numbered }, next }
}

function contradiction({ bodyLen }: Header, found: number): ReadFrame {
  return { kind: 'contradiction', detail: `the header says ${bodyLen} bytes of text, there are ${found}` }
}

/** Whether all the bytes together end with a mark and a checksum that fits. */
function endsRight(bytes: Uint8Array, layout: Layout): boolean {
  const markAt = bytes.length - 1 - 2 * layout.width
  return markAt >= headerLength(layout) && endMarkOf(bytes[markAt]) !== undefined && sumFits(bytes, layout)
}

function sumFits(frame: Uint8Array, layout: Layout): boolean {
  return givenSum(frame, layout) === sumOf(frame, layout)
}

function sumOf(frame: Uint8Array, { width }: Layout): string {
  return crc16Modbus(frame.subarray(0, frame.length - 2 * width))
    .toString(16)
    .toUpperCase()
    .padStart(4, '0')
}

function givenSum(frame: Uint8Array, { width }: Layout): string {
  const sum = frame.subarray(frame.length - 2 * width)
  return width === 1 ? hexOf(sum) : latin1Of(sum).toUpperCase()
}

function wrongSum(frame: Uint8Array, layout: Layout): string {
  return `the checksum is ${givenSum(frame, layout)} and should be ${sumOf(frame, layout)}`
}

/** Behind SYN the text begins with two numbers of 12 bits: how many packets, and which one. */
function withPacketNumber(text: Uint8Array, { start }: Header, { width }: Layout) {
  if (start === 'STX') return { body: text }
  const numberBytes = 3 * width
  if (text.length < numberBytes) return undefined
  const digits = width === 1 ? hexOf(text.subarray(0, 3)) : latin1Of(text.subarray(0, 6))
  if (!/^[0-9A-Fa-f]{6}$/.test(digits)) return undefined
  const packets = Number.parseInt(digits.slice(0, 3), 16)
  const packetNo = Number.parseInt(digits.slice(3), 16)
  return { packets, packetNo, body: text.subarray(numberBytes) }
}

/** What a frame to be written holds; `station` ten hex characters, `password` four, `func` two. */
export type FrameToWrite = Omit<Sl651Frame, 'bodyLen'>

/** Writes a frame, length and checksum included. Throws RangeError when the body is longer than the header can say. */
export function writeFrame(frame: FrameToWrite): Uint8Array {
  const { coding, direction, center, station, password, func, start, end, body } = frame
  const layout = coding === 'hex' ? layouts[0] : layouts[1]
  if (layout === undefined) throw new RangeError(`no coding ${coding}`)
  const numbers = packetDigits(frame)
  const bodyLen = (numbers.length / 2) * layout.width + body.length
  if (bodyLen > 4095) throw new RangeError(`a text of ${bodyLen} bytes: 4095 fit into one frame`)
  const centerHex = center.toString(16).padStart(2, '0')
  const addresses = direction === 'up' ? centerHex + station : station + centerHex
  const length = (direction === 'up' ? '0' : '8') + bodyLen.toString(16).padStart(3, '0')
  const withoutSum = Buffer.concat([
    Uint8Array.from(layout.lead),
    digitBytes(addresses + password + func + length, layout),
    Uint8Array.of(startMarks[start]),
    digitBytes(numbers, layout),
    body,
    Uint8Array.of(endMarks[end]),
  ])
  const sum = crc16Modbus(withoutSum).toString(16).padStart(4, '0')
  return Uint8Array.from(Buffer.concat([withoutSum, digitBytes(sum, layout)]))
}

function packetDigits({ start, packets = 0, packetNo = 0 }: FrameToWrite): string {
  return start === 'STX' ? '' : packets.toString(16).padStart(3, '0') + packetNo.toString(16).padStart(3, '0')
}

function digitBytes(digits: string, { width }: Layout): Uint8Array {
  return width === 1 ? Buffer.from(digits, 'hex') : Buffer.from(digits.toUpperCase(), 'latin1')
}
