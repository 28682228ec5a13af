/**
 * What one frame of SL 651-2014 says, in the field names of the vectors: header, serial number, time of sending,
 * elements of a report, parameters of a configuration.
 */
import { deviceTimeOf, isoSecond } from '../beijing-time.ts'
import { hexOf, latin1Of } from '../hex.ts'
import { isStationClass, stationClass } from './elements.ts'
import { type BadBody, type Element, readElements } from './elements-of-body.ts'
import { readTextElements } from './elements-of-text.ts'
import type { EndMark, Header, Sl651Frame } from './frame.ts'

export interface Sl651Message extends Header {
  /** Only in ASCII coding. */
  readonly coding?: 'ascii'
  readonly end: EndMark
  readonly packets?: number
  readonly packetNo?: number
  readonly serial?: number
  /** Beijing time, `2014-12-05T11:00:02`; null when the digits are no time. */
  readonly sendTime?: string | null
  readonly reportStation?: string
  /** `H river`. */
  readonly stationType?: string
  readonly elements?: readonly Element[]
  /** Configuration, control and queries: the text behind the address, for `parameters.ts`. */
  readonly parametersHex?: string
}

export interface ReadMessage {
  readonly message: Sl651Message
  /** The bytes of a picture or of a piece of one. */
  readonly picture?: Uint8Array
}

/** Functions whose text is a list of parameters or a control deed, not of measured elements. */
const parameterFuncs: ReadonlySet<string> = new Set('40 41 42 43 45 47 48 49 4A 4B 4C 4D 4E 4F 50 51'.split(' '))

/** Reads a frame's text. A text that contradicts itself is a `BadBody`. */
export function readMessage(frame: Sl651Frame): ReadMessage | BadBody {
  const { coding, body, ...header } = frame
  const head = coding === 'ascii' ? { coding, ...header } : header
  // Only the first packet has serial number and time; the others go on where the one before was cut.
  if (frame.packetNo !== undefined && frame.packetNo > 1) return { message: head, picture: body }
  return coding === 'ascii' ? readTextBody(head, latin1Of(body)) : readBinaryBody(head, body)
}

type Head = Omit<Sl651Frame, 'coding' | 'body'> & { readonly coding?: 'ascii' }

const prologueBytes = 8

function readBinaryBody(head: Head, body: Uint8Array): ReadMessage | BadBody {
  if (body.length === 0) return { message: head }
  if (body.length < prologueBytes) return { detail: `a text of ${body.length} bytes has no serial number and time` }
  const serial = Number.parseInt(hexOf(body.subarray(0, 2)), 16)
  const started = { ...head, serial, sendTime: sendTimeOf(hexOf(body.subarray(2, 8))) }
  if (body.length === prologueBytes) return { message: withEmptyParameters(started) }
  const addressed = body[8] === 0xf1 && body[9] === 0xf1
  if (addressed && body.length < 15) return { detail: 'the text ends within the station address' }
  const behind = addressed ? 15 : prologueBytes
  const station = addressed ? { reportStation: hexOf(body.subarray(10, 15)) } : {}
  const message = { ...started, ...station }
  if (head.direction === 'down' || parameterFuncs.has(head.func)) {
    return { message: { ...message, parametersHex: hexOf(body.subarray(behind)) } }
  }
  return readReport(message, body, { behind, addressed })
}

function readReport(
  message: Sl651Message,
  body: Uint8Array,
  { behind, addressed }: { behind: number; addressed: boolean },
): ReadMessage | BadBody {
  const code = body[behind]
  const classed = addressed && code !== undefined && message.func !== '46' && isClassAt(body, behind)
  const read = readElements(body, classed ? behind + 1 : behind)
  if ('detail' in read) return read
  const stationType = classed ? { stationType: stationClass(code) } : {}
  const { elements, picture } = read
  return { message: { ...message, ...stationType, elements }, ...(picture === undefined ? {} : { picture }) }
}

/** A byte in front of an observation time is a kind of station even when nobody knows the kind. */
function isClassAt(body: Uint8Array, at: number): boolean {
  return isStationClass(body[at] ?? 0) || (body[at] !== 0xf0 && body[at + 1] === 0xf0 && body[at + 2] === 0xf0)
}

function sendTimeOf(digits: string): string | null {
  const time = deviceTimeOf(digits)
  return time === undefined ? null : isoSecond(time)
}

function withEmptyParameters(message: Sl651Message): Sl651Message {
  return parameterFuncs.has(message.func) ? { ...message, parametersHex: '' } : message
}

function readTextBody(head: Head, text: string): ReadMessage | BadBody {
  if (text.length === 0) return { message: head }
  if (!/^[0-9A-Fa-f]{4}\d{12}/.test(text)) return { detail: 'the text has no serial number and time' }
  const serial = Number.parseInt(text.slice(0, 4), 16)
  const message = { ...head, serial, sendTime: sendTimeOf(text.slice(4, 16)) }
  const rest = text.slice(16)
  if (rest.trim() === '') return { message: withEmptyParameters(message) }
  if (head.direction === 'down' || parameterFuncs.has(head.func)) {
    return { message: { ...message, parametersHex: Buffer.from(rest, 'latin1').toString('hex').toUpperCase() } }
  }
  const read = readTextElements(rest)
  if ('detail' in read) return read
  const { elements, reportStation, stationLetter } = read
  return {
    message: {
      ...message,
      ...(reportStation === undefined ? {} : { reportStation }),
      ...(stationLetter === undefined ? {} : { stationType: stationClass(stationLetter.charCodeAt(0)) }),
      elements,
    },
  }
}
