/**
 * Plain JSON to readings, by a mapping. Pure; what cannot be read is told, and what can be read counts.
 */
import type { Mapping, TimeMapping, ValueMapping } from './mapping.ts'
import { type Bindings, fill, follow, type Match } from './path.ts'
import { timeMsOf } from './times.ts'
import { matchTopic } from './topic-pattern.ts'

export interface MappedReading {
  readonly sensor: string
  /** NaN when the device says that it has none. */
  readonly value: number
  readonly unit: string | undefined
  /** UTC ms; the time of arrival when the payload has no time, or none that can be read. */
  readonly measuredAtMs: number
  readonly quality: 'good' | 'missing'
}

export interface Mapped {
  readonly readings: readonly MappedReading[]
  /** One sentence for each value that could not be read. */
  readonly faults: readonly string[]
}

/** The readings of a message; undefined when its topic is not the mapping's. `payload` is JSON, or a bare text. */
export function mapPayload(
  topic: string,
  payload: unknown,
  mapping: Mapping,
  receivedAtMs: number,
): Mapped | undefined {
  const bindings = matchTopic(mapping.topic, topic)
  if (bindings === undefined) return undefined
  const readings: MappedReading[] = []
  const faults: string[] = []
  for (const value of mapping.values) {
    for (const match of follow(payload, value.path, bindings)) {
      const read = readingOf({ value, match, payload, time: value.time ?? mapping.time, receivedAtMs })
      if (typeof read === 'string') faults.push(read)
      else readings.push(read)
    }
  }
  // Devices often send only what changed: one value that is not there is no fault, all of them are.
  const nothing = readings.length === 0 && faults.length === 0
  return { readings, faults: nothing ? [`nothing of the mapping "${mapping.name}" is in the payload`] : faults }
}

interface Found {
  readonly value: ValueMapping
  readonly match: Match
  readonly payload: unknown
  readonly time: TimeMapping | undefined
  readonly receivedAtMs: number
}

function readingOf({ value: mapping, match, payload, time, receivedAtMs }: Found): MappedReading | string {
  const bindings = { ...match.bindings, ...letsOf(mapping, match.bindings, payload) }
  const sensor = fill(mapping.sensor, bindings)
  if (sensor === undefined) return `${mapping.sensor.text}: a name in it is not in the payload`
  const measuredAtMs = timeOf(time, bindings, payload) ?? receivedAtMs
  const { unit } = mapping
  if (match.value === null || mapping.missing.some(sentinel => sentinel === match.value))
    return { sensor, value: Number.NaN, unit, measuredAtMs, quality: 'missing' }
  const sent = numberOf(match.value, mapping.codes)
  if (sent === undefined) return `${sensor}: ${shown(match.value)} is no number and has no code`
  return { sensor, value: scaled(sent, mapping), unit, measuredAtMs, quality: 'good' }
}

function letsOf({ let: lets }: ValueMapping, bindings: Bindings, payload: unknown): Bindings {
  const found: Record<string, string> = {}
  for (const [name, path] of Object.entries(lets)) {
    const value = follow(payload, path, bindings)[0]?.value
    if (typeof value === 'string' || typeof value === 'number') found[name] = String(value)
  }
  return found
}

function timeOf(time: TimeMapping | undefined, bindings: Bindings, payload: unknown): number | undefined {
  if (time === undefined) return undefined
  const value = follow(payload, time.path, bindings)[0]?.value
  return timeMsOf(value, time)
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/

function numberOf(value: unknown, codes: Readonly<Record<string, number>> | undefined): number | undefined {
  const isWord = typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number'
  if (isWord && codes !== undefined && Object.hasOwn(codes, String(value))) return codes[String(value)]
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  // Many devices write their numbers as texts.
  return typeof value === 'string' && decimal.test(value.trim()) ? Number(value) : undefined
}

/** Rounded to fifteen digits: 28 × 0.01 is meant to be 0.28. */
function scaled(sent: number, { scale, offset }: ValueMapping): number {
  return scale === 1 && offset === 0 ? sent : Number((sent * scale + offset).toPrecision(15))
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 60)
}
