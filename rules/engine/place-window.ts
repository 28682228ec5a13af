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
import { RecentReadings } from './recent-readings.ts'

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
  readonly #sensorsOf = new Map<string, number[]>()
  readonly recent: RecentReadings

  constructor(options: PlaceWindowOptions) {
    const [first] = options.district.places
    if (first === undefined) throw new Error('a district without places has nothing to watch')
    this.place = first
    this.#options = options
    this.recent = new RecentReadings(this.#index())
  }

  /** Returns how many readings to keep of each sensor that is looked back over. */
  #index(): Map<number, number> {
    const sizes = new Map<number, number>()
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
        if (answers(asked, quantity)) push(this.#sensorsOf, `${place} ${asked}`, index)
      }
      const longest = Math.max(0, ...spans.filter(span => answers(span.quantity, quantity)).map(span => span.spanMs))
      if (longest > 0) sizes.set(index, Math.ceil(longest / 1000 / periodS) + 4)
    }
    return sizes
  }

  /** Keeps a reading for conditions that look back. */
  take(sensor: number, atMs: number, value: number): void {
    this.recent.take(sensor, atMs, value)
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
    for (const sensor of this.#sensorsOf.get(`${this.place.id} ${quantity}`) ?? []) {
      if (newest < 0 || (lastAtMs[sensor] ?? 0) > (lastAtMs[newest] ?? 0)) newest = sensor
    }
    return newest < 0 ? Number.NaN : (lastValue[newest] ?? Number.NaN)
  }

  over({ aggregate, quantity, spanMs }: WindowSpan): number {
    const sensors = this.#sensorsOf.get(`${this.place.id} ${quantity}`) ?? []
    const readings = sensors.flatMap(sensor => this.recent.since(sensor, this.#atMs - spanMs))
    const values = readings.map(([, value]) => value)
    if (aggregate === 'count') return values.length
    if (values.length === 0) return Number.NaN
    if (aggregate === 'avg') return mean(values)
    if (aggregate === 'sum') return values.reduce((sum, value) => sum + value, 0)
    if (aggregate === 'max') return Math.max(...values)
    if (aggregate === 'min') return Math.min(...values)
    if (readings.length < 2) return Number.NaN
    return aggregate === 'slope' ? linearRegression(readings).m : rateOf(readings)
  }

  probability(limit: number, horizonMs: number): number {
    return this.#options.probability(this.place.id, limit, horizonMs)
  }
}

/** Change per minute between the first reading and the last. */
function rateOf(readings: readonly [number, number][]): number {
  const [first, last] = [readings[0], readings.at(-1)]
  if (first === undefined || last === undefined || last[0] === first[0]) return Number.NaN
  return (last[1] - first[1]) / (last[0] - first[0])
}

function push(map: Map<string, number[]>, key: string, value: number): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
