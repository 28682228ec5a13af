/**
 * The parameters of configuration and control (SL 651-2014, Annex D), read out of `parametersHex` of a message. A
 * parameter nobody knows is kept as it came.
 */
import { deviceTimeOf, isoMinute } from '../beijing-time.ts'
import { bytesOfHex, hexOf, latin1Of } from '../hex.ts'
import type { ElementName } from './answers.ts'
import { bcdNumber } from './elements-of-body.ts'

export interface Parameter {
  readonly id: string
  readonly name: string
  readonly hex: string
  /** Where the bytes are BCD digits. */
  readonly value?: number
  readonly unit?: string
  /** Of the station's own identification. */
  readonly text?: string
}

interface ParameterFacts {
  readonly name: string
  readonly unit?: string
  readonly raw?: boolean
}

/** Basic configuration (40, 41). */
const basic: Readonly<Record<string, ParameterFacts>> = {
  '01': { name: 'centre addresses', raw: true },
  '02': { name: 'station address', raw: true },
  '03': { name: 'key', raw: true },
  '04': { name: 'main channel of centre 1', raw: true },
  '05': { name: 'spare channel of centre 1', raw: true },
  '06': { name: 'main channel of centre 2', raw: true },
  '07': { name: 'spare channel of centre 2', raw: true },
  '08': { name: 'main channel of centre 3', raw: true },
  '09': { name: 'spare channel of centre 3', raw: true },
  '0A': { name: 'main channel of centre 4', raw: true },
  '0B': { name: 'spare channel of centre 4', raw: true },
  '0C': { name: 'mode of working' },
  '0D': { name: 'elements collected', raw: true },
  '0E': { name: 'addresses of a relay', raw: true },
  '0F': { name: 'identification of the device', raw: true },
}

/** Running configuration (42, 43). */
const running: Readonly<Record<string, ParameterFacts>> = {
  '20': { name: 'timed report every', unit: 'h' },
  '21': { name: 'extra report every', unit: 'min' },
  '22': { name: 'rain day begins at', unit: 'h' },
  '23': { name: 'sample every', unit: 's' },
  '24': { name: 'store level every', unit: 'min' },
  '25': { name: 'rain resolution', unit: 'mm' },
  '26': { name: 'level resolution', unit: 'cm' },
  '27': { name: 'rain that causes an extra report', unit: 'mm' },
  ...numbered(0x28, { name: 'level base', unit: 'm' }),
  ...numbered(0x30, { name: 'level correction', unit: 'm' }),
  ...numbered(0x38, { name: 'level that causes extra reports', unit: 'm' }),
  '40': { name: 'rise above that level that causes one more', unit: 'm' },
  '41': { name: 'fall below that level that causes one more', unit: 'm' },
}

/** Eight parameters in a row, for up to eight level meters. */
function numbered(firstId: number, { name, unit }: { name: string; unit: string }): Record<string, ParameterFacts> {
  const ids = Array.from({ length: 8 }, (_, index) => (firstId + index).toString(16).toUpperCase())
  return Object.fromEntries(ids.map((id, index) => [id, { name: `${name} ${index + 1}`, unit }]))
}

/** Reads a list of parameters: id, definition, data. What cannot be read any more is left out of the list. */
export function readParameters(parametersHex: string): readonly Parameter[] {
  const bytes = bytesOfHex(parametersHex) ?? new Uint8Array()
  const parameters: Parameter[] = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const definition = bytes[at + 1] ?? 0
    const data = bytes.subarray(at + 2, at + 2 + (definition >> 3))
    if (data.length < definition >> 3) break
    parameters.push(readParameter(hexOf(bytes.subarray(at, at + 1)), data, definition & 7))
    at += 2 + data.length
  }
  return parameters
}

function readParameter(id: string, data: Uint8Array, decimals: number): Parameter {
  const facts = basic[id] ?? running[id] ?? { name: `parameter ${id}` }
  const parameter = { id, name: facts.name, hex: hexOf(data) }
  if (id === '0F') return { ...parameter, text: latin1Of(data.subarray(1)) }
  if (facts.raw === true) return parameter
  const value = bcdNumber(data, decimals)
  if (value === undefined || value === null) return parameter
  return { ...parameter, value, ...(facts.unit === undefined ? {} : { unit: facts.unit }) }
}

/** What a down frame of functions 3A, 41 and 43 asks for: names of elements or parameters, without data. */
export function readNames(parametersHex: string): readonly ElementName[] {
  const bytes = bytesOfHex(parametersHex) ?? new Uint8Array()
  const names: ElementName[] = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const idBytes = bytes[at] === 0xff ? 2 : 1
    const definition = bytes[at + idBytes] ?? 0
    names.push({ id: hexOf(bytes.subarray(at, at + idBytes)), bytes: definition >> 3, decimals: definition & 7 })
    at += idBytes + 1
  }
  return names
}

/** What a down frame of function 38 asks for; hours are Beijing time, `2026-11-22T00:00`. */
export interface PeriodQuestion {
  readonly from: string
  readonly until: string
  readonly stepMinutes: number
  readonly elements: readonly ElementName[]
}

/** Reads the question of function 38; undefined when it is none. */
export function readPeriodQuestion(parametersHex: string): PeriodQuestion | undefined {
  const [, first, last, day, hour, minute, rest] =
    /^(\d{8})(\d{8})0418(\d\d)(\d\d)(\d\d)((?:[0-9A-F]{2})*)$/.exec(parametersHex) ?? []
  const [from, until] = [first, last].map(digits => deviceTimeOf(`${digits}00`))
  if (from === undefined || until === undefined || rest === undefined) return undefined
  const stepMinutes = (Number(day) * 24 + Number(hour)) * 60 + Number(minute)
  return { from: isoMinute(from), until: isoMinute(until), stepMinutes, elements: readNames(rest) }
}

/** The text of function 45: a length, then the version. Undefined when the length is wrong. */
export function readVersion(parametersHex: string): string | undefined {
  const [length, ...rest] = bytesOfHex(parametersHex) ?? []
  return length === rest.length ? latin1Of(Uint8Array.from(rest)) : undefined
}

/** The counters of function 50, in order: how often each kind of event was recorded. */
export function readEventCounters(parametersHex: string): readonly number[] {
  const digits = parametersHex.match(/[0-9A-F]{4}/g) ?? []
  return digits.map(count => Number.parseInt(count, 16))
}

/** Function 4C, 4D: which pumps run or valves are open, from a length and a bit each, the first one lowest. */
export function readSwitches(parametersHex: string): readonly boolean[] {
  const [length, ...rest] = bytesOfHex(parametersHex) ?? []
  return rest.slice(0, length).flatMap(byte => Array.from({ length: 8 }, (_, bit) => ((byte >> bit) & 1) === 1))
}

/** Function 4C, 4D: the text that switches pumps or valves, a bit each, the first one lowest. */
export function writeSwitches(on: readonly boolean[]): string {
  const bytes = Array.from({ length: Math.ceil(on.length / 8) }, (_, at) =>
    on.slice(at * 8, at * 8 + 8).reduce((byte, is, bit) => byte | (is ? 1 << bit : 0), 0),
  )
  return hexOf(Uint8Array.of(bytes.length, ...bytes))
}
