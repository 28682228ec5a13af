/**
 * Reads the elements of a binary text of SL 651-2014 (6.6): id, definition, BCD digits; some with a form of their own.
 */
import { deviceTimeOf, isoMinute } from '../beijing-time.ts'
import { hexOf } from '../hex.ts'
import { elementFacts } from './elements.ts'

/** One element as it is shown: fields of the vectors and of `forewarn decode`. */
export interface Element {
  /** Two hex characters; `FF09` for an extension. */
  readonly id: string
  readonly symbol: string
  readonly unit?: string | null
  /** Beijing time, `2014-12-05T11:00`; null when no time stood before it. */
  readonly obsTime?: string | null
  /** null: the station has no value. A text only for RGZS (entered by hand), an object only for the step (DR). */
  readonly value?: number | string | Step | null
  /** Of evenly spaced values, in the order of time. */
  readonly values?: readonly (number | null)[]
  /** Numbers of the bits of ZT that are 1. */
  readonly bits?: readonly number[]
  /** Of a picture: length and first four bytes. */
  readonly bytes?: number
  readonly head?: string
  /** The digits, where they are no BCD. */
  readonly rawHex?: string
}

export interface Step {
  readonly d: number
  readonly h: number
  readonly min: number
}

/** A text that ended within an element, or says something impossible. */
export interface BadBody {
  readonly detail: string
}

export interface BodyElements {
  readonly elements: readonly Element[]
  /** The bytes of a picture (F3), which has all of the text to its end. */
  readonly picture?: Uint8Array
}

interface Reader {
  readonly body: Uint8Array
  at: number
  obsTime: string | null
  /** A step was read: the next element is a series to the end of the text. */
  stepped: boolean
  readonly elements: Element[]
  picture?: Uint8Array
}

/** Reads elements from `at` to the end of the text. */
export function readElements(body: Uint8Array, at: number): BodyElements | BadBody {
  const reader: Reader = { body, at, obsTime: null, stepped: false, elements: [] }
  while (reader.at < body.length) {
    const trouble = readNext(reader)
    if (trouble !== undefined) return { detail: `${trouble} at byte ${reader.at} of the text` }
  }
  const { elements, picture } = reader
  return picture === undefined ? { elements } : { elements, picture }
}

/** Reads one element; returns what is wrong when it cannot. */
function readNext(reader: Reader): string | undefined {
  const { body, at } = reader
  const lead = body[at] ?? 0
  const doubled = body[at + 1] === lead
  if (doubled && lead === 0xf0) return readObservationTime(reader)
  if (doubled && lead === 0xf1) return skip(reader, 7)
  if (doubled && lead === 0xf2) return readText(reader)
  if (doubled && lead === 0xf3) return readPicture(reader)
  if (lead === 0x04) return readStep(reader)
  if (lead === 0x45) return readStatus(reader)
  if (lead === 0xf4) return readHour(reader, { valueBytes: 1, decimals: 1 })
  if (lead >= 0xf5 && lead <= 0xfc) return readHour(reader, { valueBytes: 2, decimals: 2 })
  if (lead === 0xfd) return readBatch(reader)
  return readNumber(reader)
}

function skip(reader: Reader, bytes: number): string | undefined {
  if (reader.at + bytes > reader.body.length) return 'the text ends within an address'
  reader.at += bytes
  return undefined
}

function readObservationTime(reader: Reader): string | undefined {
  const digits = take(reader, 2, 5)
  if (digits === undefined) return 'the text ends within an observation time'
  const time = deviceTimeOf(hexOf(digits))
  reader.obsTime = time === undefined ? null : isoMinute(time)
  return undefined
}

/** The bytes behind the next `skipped` ones; moves on only when they are there. */
function take(reader: Reader, skipped: number, length: number): Uint8Array | undefined {
  const from = reader.at + skipped
  if (from + length > reader.body.length) return undefined
  reader.at = from + length
  return reader.body.subarray(from, from + length)
}

/** GB18030 holds ASCII, and is what stations with a Chinese keypad send. */
const textDecoder = new TextDecoder('gb18030')

function readText(reader: Reader): undefined {
  const bytes = reader.body.subarray(reader.at + 2)
  reader.at = reader.body.length
  reader.elements.push({ id: 'F2', symbol: 'RGZS', value: textDecoder.decode(bytes) })
}

function readPicture(reader: Reader): undefined {
  const picture = reader.body.subarray(reader.at + 2)
  reader.at = reader.body.length
  reader.picture = picture
  const head = hexOf(picture.subarray(0, 4))
  reader.elements.push({ id: 'F3', symbol: 'PIC', obsTime: reader.obsTime, bytes: picture.length, head })
}

function readStep(reader: Reader): string | undefined {
  const digits = take(reader, 2, 3)
  if (digits === undefined) return 'the text ends within a time step'
  const [d, h, min] = [...digits].map(byte => bcdNumber(Uint8Array.of(byte), 0))
  if (typeof d !== 'number' || typeof h !== 'number' || typeof min !== 'number') {
    return `a time step that is no BCD (${hexOf(digits)})`
  }
  reader.stepped = true
  reader.elements.push({ id: '04', symbol: 'DR', value: { d, h, min } })
  return undefined
}

function readStatus(reader: Reader): string | undefined {
  const bytes = take(reader, 2, 4)
  if (bytes === undefined) return 'the text ends within the status'
  const value = Number.parseInt(hexOf(bytes), 16)
  reader.elements.push({ id: '45', symbol: 'ZT', obsTime: reader.obsTime, value, bits: bitsOf(value) })
  return undefined
}

/** Numbers of the bits of a 32-bit value that are 1, lowest first. */
export function bitsOf(value: number): number[] {
  return Array.from({ length: 32 }, (_, bit) => bit).filter(bit => Math.floor(value / 2 ** bit) % 2 === 1)
}

/**
 * Twelve values of the last hour. Their length is fixed by Annex C and not taken from the definition byte, which some
 * stations fill in wrongly.
 */
function readHour(
  reader: Reader,
  { valueBytes, decimals }: { valueBytes: 1 | 2; decimals: number },
): string | undefined {
  const id = hexOf(reader.body.subarray(reader.at, reader.at + 1))
  const bytes = take(reader, 2, 12 * valueBytes)
  if (bytes === undefined) return `the text ends within the twelve values of ${id}`
  const missing = valueBytes === 1 ? 0xff : 0xffff
  const values = Array.from({ length: 12 }, (_, slot) => {
    const raw = Number.parseInt(hexOf(bytes.subarray(slot * valueBytes, (slot + 1) * valueBytes)), 16)
    return raw === missing ? null : Number((raw / 10 ** decimals).toFixed(decimals))
  })
  reader.elements.push({ id, ...elementFacts(id), obsTime: reader.obsTime, values })
  reader.stepped = false
  return undefined
}

/** Flow measured in verticals (FD): its form is not published; all of the text to its end belongs to it. */
function readBatch(reader: Reader): undefined {
  const bytes = reader.body.subarray(reader.at + 2)
  reader.at = reader.body.length
  reader.elements.push({
    id: 'FD',
    ...elementFacts('FD'),
    obsTime: reader.obsTime,
    bytes: bytes.length,
    rawHex: hexOf(bytes),
  })
}

function readNumber(reader: Reader): string | undefined {
  const idBytes = reader.body[reader.at] === 0xff ? 2 : 1
  const id = hexOf(reader.body.subarray(reader.at, reader.at + idBytes))
  const definition = reader.body[reader.at + idBytes]
  if (definition === undefined) return `element ${id} has no definition`
  const [length, decimals] = [definition >> 3, definition & 7]
  if (reader.stepped && length > 0) return readSeries(reader, { id, idBytes, length, decimals })
  const digits = take(reader, idBytes + 1, length)
  if (digits === undefined) return `the text ends within element ${id} of ${length} bytes`
  const value = bcdNumber(digits, decimals)
  const { obsTime } = reader
  const facts = { id, ...elementFacts(id), obsTime }
  reader.elements.push(value === undefined ? { ...facts, value: null, rawHex: hexOf(digits) } : { ...facts, value })
  return undefined
}

interface SeriesFacts {
  readonly id: string
  readonly idBytes: number
  readonly length: number
  readonly decimals: number
}

/** Behind a step one id stands for values up to the end of the text, or to the next observation time (table 30). */
function readSeries(reader: Reader, { id, idBytes, length, decimals }: SeriesFacts): string | undefined {
  const { obsTime } = reader
  reader.at += idBytes + 1
  const values: (number | null)[] = []
  while (reader.at < reader.body.length && !startsObservation(reader)) {
    const digits = take(reader, 0, length)
    if (digits === undefined) return `the text ends within a value of the series ${id}`
    values.push(bcdNumber(digits, decimals) ?? null)
  }
  reader.stepped = false
  reader.elements.push({ id, ...elementFacts(id), obsTime, values })
  return undefined
}

/** F0F0 can be no BCD value. */
function startsObservation({ body, at }: Reader): boolean {
  return body[at] === 0xf0 && body[at + 1] === 0xf0
}

/**
 * A number of BCD digits: all FF is no value (null), a leading FF a minus sign. Undefined when the digits are none.
 * No bytes at all are no value either.
 */
export function bcdNumber(bytes: Uint8Array, decimals: number): number | null | undefined {
  if (bytes.every(byte => byte === 0xff)) return null
  const negative = bytes[0] === 0xff
  const digits = hexOf(negative ? bytes.subarray(1) : bytes)
  if (!/^\d+$/.test(digits)) return undefined
  const value = withPoint(digits, decimals)
  return negative && value !== 0 ? -value : value
}

/** By way of a text, so that 1442 with two decimals is 14.42 and nothing beside it. */
function withPoint(digits: string, decimals: number): number {
  const padded = digits.padStart(decimals + 1, '0')
  return Number(`${padded.slice(0, padded.length - decimals)}.${padded.slice(padded.length - decimals)}`)
}
