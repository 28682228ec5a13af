/**
 * The window that the engine opens for conditions: the newest values of a place's sensors, and their last readings
 * for those quantities that some rule looks back over.
 */
import type { District, Place } from '@forewarn/contracts/district'
import type { Quantity } from '@forewarn/contracts/quantity'
import { linearRegression, mean } from 'simple-statistics'
import type { Rule } from '../language/rule.ts'
import type { Window, WindowSpan } from '../language/window.ts'
import { answers } from './binding.ts'
import { RecentReadings, type RingSize, type Seen } from './recent-readings.ts'

export interface PlaceWindowOptions {
  readonly district: District
  readonly rules: readonly Rule[]
  /** By sensor: newest value and its time. */
  readonly lastValue: Float64Array
  readonly lastAtMs: Float64Array
  readonly probability: (placeId: string, limit: number, horizonMs: number) => number
}

/** One object for all conditions; `look` turns it to a place and a value. */
export class PlaceWindow implements Window {
  value = Number.NaN
  place: Place
  #atMs = 0
  readonly #options: PlaceWindowOptions
  /** By quantity, then by place. */
  readonly #sensorsOf = new Map<Quantity, Map<string, number[]>>()
  readonly recent: RecentReadings
  /** What `over` looks at; its columns are used again each time. */
  readonly #seen: Seen = { minutes: [], values: [] }
  /** The last answer of `over`: the levels of a rule mostly ask for the same one. */
  #asked: Asked | undefined

  constructor(options: PlaceWindowOptions) {
    const [first] = options.district.places
    if (first === undefined) throw new Error('a district without places has nothing to watch')
    this.place = first
    this.#options = options
    this.recent = new RecentReadings(this.#index())
  }

  /** Returns what to keep of each sensor that is looked back over. */
  #index(): Map<number, RingSize> {
    const sizes = new Map<number, RingSize>()
    const { district, rules } = this.#options
    const conditions = rules.flatMap(({ levels, clear, outcome }) => [
      ...levels.map(({ when }) => when),
      clear.when,
      ...(outcome === undefined ? [] : [outcome.when]),
    ])
    const wanted = new Set(conditions.flatMap(({ quantities }) => quantities))
    const spans = conditions.flatMap(condition => condition.spans)
    for (const [index, { quantity, place, periodS }] of district.sensors.entries()) {
      if (place === undefined) continue
      for (const asked of wanted) {
        if (answers(asked, quantity)) push(this.#sensorsOf, { quantity: asked, place, sensor: index })
      }
      const longest = Math.max(0, ...spans.filter(span => answers(span.quantity, quantity)).map(span => span.spanMs))
      if (longest > 0) sizes.set(index, ringSize({ spanMs: longest, periodS, quantity }))
    }
    return sizes
  }

  /** Keeps a reading for conditions that look back. */
  take(sensor: number, atMs: number, value: number): void {
    this.recent.take(sensor, atMs, value)
    this.#asked = undefined
  }

  look(place: Place, value: number, atMs: number): this {
    this.place = place
    this.value = value
    this.#atMs = atMs
    return this
  }

  latest(quantity: Quantity): number {
    const { lastAtMs, lastValue } = this.#options
    let newest = -1
    for (const sensor of this.#sensorsOf.get(quantity)?.get(this.place.id) ?? []) {
      if (newest < 0 || (lastAtMs[sensor] ?? 0) > (lastAtMs[newest] ?? 0)) newest = sensor
    }
    return newest < 0 ? Number.NaN : (lastValue[newest] ?? Number.NaN)
  }

  over(span: WindowSpan): number {
    const [place, atMs] = [this.place, this.#atMs]
    const asked = this.#asked
    if (asked !== undefined && asked.place === place && asked.atMs === atMs && isSameSpan(asked.span, span))
      return asked.answer
    const answer = this.#lookOver(span)
    this.#asked = { place, atMs, span, answer }
    return answer
  }

  #lookOver({ aggregate, quantity, spanMs }: WindowSpan): number {
    const { minutes, values } = this.#seen
    minutes.length = 0
    values.length = 0
    for (const sensor of this.#sensorsOf.get(quantity)?.get(this.place.id) ?? [])
      this.recent.since(sensor, this.#atMs - spanMs, this.#seen)
    if (aggregate === 'count') return values.length
    if (values.length === 0) return Number.NaN
    if (aggregate === 'avg') return mean(values)
    if (aggregate === 'sum') return values.reduce((sum, value) => sum + value, 0)
    if (aggregate === 'max') return Math.max(...values)
    if (aggregate === 'min') return Math.min(...values)
    if (values.length < 2) return Number.NaN
    if (aggregate === 'rate') return rateOf(this.#seen)
    return linearRegression(minutes.map((minute, index) => [minute, values[index] ?? Number.NaN])).m
  }

  probability(limit: number, horizonMs: number): number {
    return this.#options.probability(this.place.id, limit, horizonMs)
  }
}

interface Asked {
  readonly place: Place
  readonly atMs: number
  readonly span: WindowSpan
  readonly answer: number
}

function isSameSpan(a: WindowSpan, b: WindowSpan): boolean {
  return a.aggregate === b.aggregate && a.quantity === b.quantity && a.spanMs === b.spanMs
}

/** Change per minute between the first reading and the last. */
function rateOf({ minutes, values }: Seen): number {
  const [from = 0, to = 0] = [minutes[0], minutes.at(-1)]
  if (to === from) return Number.NaN
  return ((values.at(-1) ?? 0) - (values[0] ?? 0)) / (to - from)
}

function push(
  sensorsOf: Map<Quantity, Map<string, number[]>>,
  { quantity, place, sensor }: { quantity: Quantity; place: string; sensor: number },
): void {
  const byPlace = sensorsOf.get(quantity) ?? new Map<string, number[]>()
  sensorsOf.set(quantity, byPlace)
  const sensors = byPlace.get(place)
  if (sensors === undefined) byPlace.set(place, [sensor])
  else sensors.push(sensor)
}

/** Readings that come sooner than this part of their period are extra ones: clocks and radios are late or early by less. */
const earliest = 0.75

/** Room for the span, also while the sensor is asked to speak more often than its period. */
function ringSize({ spanMs, periodS, quantity }: { spanMs: number; periodS: number; quantity: Quantity }): RingSize {
  const spacingMs = periodS * 1000 * earliest
  // A rain gauge tells the millimetres since it last spoke.
  return { readings: Math.ceil(spanMs / spacingMs) + 4, spacingMs, isAmount: quantity === 'rain' }
}
