/**
 * What a centre sends: confirmations and refusals of packets, and questions. Whether a frame that changes something at
 * a station may be sent at all is decided elsewhere; here it is only written.
 */
import { beijingDigits } from '../beijing-time.ts'
import { bytesOfHex } from '../hex.ts'
import { type Coding, type Sl651Frame, writeFrame } from './frame.ts'

/** `EOT` confirms and lets the station go; `ESC` confirms and keeps it on line for ten minutes more; `ACK` confirms a packet. */
export type Confirmation = 'EOT' | 'ESC' | 'ACK'

/** Confirms a frame: same function, serial number and key, the centre's time (`atMs`, UTC). */
export function confirmFrame(frame: Sl651Frame, { mark, atMs }: { mark: Confirmation; atMs: number }): Uint8Array {
  const serial = serialOf(frame)
  const body = bodyBytes(frame.coding, serial + beijingDigits(atMs))
  return writeFrame({ ...addressed(frame), start: 'STX', end: mark, body })
}

/** Asks for one packet of a message again. */
export function refusePacket(first: Sl651Frame, { packetNo, atMs }: { packetNo: number; atMs: number }): Uint8Array {
  const body = bodyBytes(first.coding, serialOf(first) + beijingDigits(atMs))
  return writeFrame({ ...addressed(first), start: 'SYN', end: 'NAK', packets: first.packets ?? 0, packetNo, body })
}

function addressed({ coding, center, station, password, func }: Sl651Frame) {
  return { coding, direction: 'down', center, station, password, func } as const
}

/** Four hex characters; the packets behind the first carry none, and zero stands for it. */
function serialOf({ coding, body, packetNo = 1 }: Sl651Frame): string {
  const length = coding === 'hex' ? 2 : 4
  if (packetNo > 1 || body.length < length) return '0000'
  const bytes = Buffer.from(body.subarray(0, length))
  const digits = bytes.toString(coding === 'hex' ? 'hex' : 'latin1')
  return /^[0-9A-Fa-f]{4}$/.test(digits) ? digits.toUpperCase() : '0000'
}

function bodyBytes(coding: Coding, digits: string): Uint8Array {
  return coding === 'hex' ? Buffer.from(digits, 'hex') : Buffer.from(digits, 'latin1')
}

/** A station as a question addresses it. */
export interface StationAddress {
  readonly coding: Coding
  readonly center: number
  /** Ten hex characters. */
  readonly station: string
  /** Four hex characters. */
  readonly password: string
}

export interface Question {
  /** Two upper-case hex characters. */
  readonly func: string
  readonly serial: number
  /** The centre's time, UTC ms. */
  readonly atMs: number
  /** What follows serial number and time, in hex; see `askForElements` and `askForPeriod`. */
  readonly parametersHex?: string
}

/** Writes a down frame that wants an answer (ENQ). Throws RangeError when the parameters are no hex. */
export function askStation(to: StationAddress, { func, serial, atMs, parametersHex = '' }: Question): Uint8Array {
  if (bytesOfHex(parametersHex) === undefined) throw new RangeError(`parameters are hex digits, not ${parametersHex}`)
  const prologue = (serial & 0xffff).toString(16).padStart(4, '0').toUpperCase() + beijingDigits(atMs)
  const behind = Buffer.from(parametersHex, 'hex')
  const body = Buffer.concat([bodyBytes(to.coding, prologue), behind])
  return writeFrame({ ...to, direction: 'down', func, start: 'STX', end: 'ENQ', body })
}

/** An element as a question names it: `3923` is the level with four bytes and three decimals. */
export type ElementName = { readonly id: string; readonly bytes: number; readonly decimals: number }

function elementHex({ id, bytes, decimals }: ElementName): string {
  return id + (((bytes << 3) | decimals) & 0xff).toString(16).padStart(2, '0').toUpperCase()
}

/** Parameters of function 3A: values of now of these elements. Hex coding. */
export function askForElements(elements: readonly ElementName[]): string {
  return elements.map(elementHex).join('')
}

/** Parameters of function 38: an element between two hours, in steps of `stepMinutes` (under a day). Hex coding. */
export function askForPeriod(
  element: ElementName,
  { fromMs, untilMs, stepMinutes }: { fromMs: number; untilMs: number; stepMinutes: number },
): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const step = `00${two(Math.floor(stepMinutes / 60) % 24)}${two(stepMinutes % 60)}`
  return `${beijingDigits(fromMs).slice(0, 8)}${beijingDigits(untilMs).slice(0, 8)}0418${step}${elementHex(element)}`
}
