/**
 * Which sensor speaks for a place on a chart, and its last two hours from the store.
 */
import type { District, Sensor } from '@forewarn/contracts/district'
import { type Quantity, quantities } from '@forewarn/contracts/quantity'
import type { ReadingStore } from '@forewarn/store/reading-store'
import type { Series } from './wire.ts'

const twoHoursMs = 2 * 3_600_000
const chartPoints = 480

/** The quantity a chart of a place is about, most telling first: water on the road before water under it. */
const telling: readonly Quantity[] = [
  'water_depth',
  'manhole_level',
  'river_level',
  'lift_trapped',
  'lift_door_time',
  'crowd_density',
  'parking_occupancy',
  'smoke_obscuration',
  'power_load',
  'pump_flow',
  'pump_running',
]

export interface SeriesWish {
  readonly place?: string | undefined
  readonly sensor?: string | undefined
  readonly quantity?: string | undefined
}

/** Answers chart requests for one district. The registry is indexed once: a city's cell has 500,000 sensors. */
export function seriesOf(district: District, store: Pick<ReadingStore, 'range'>) {
  const byId = new Map<string, number>()
  const byPlace = new Map<string, number[]>()
  for (const [index, sensor] of district.sensors.entries()) {
    byId.set(sensor.id, index)
    if (sensor.place === undefined) continue
    const ofPlace = byPlace.get(sensor.place)
    if (ofPlace === undefined) byPlace.set(sensor.place, [index])
    else ofPlace.push(index)
  }
  const find = ({ place, sensor, quantity }: SeriesWish): number | undefined => {
    if (sensor !== undefined) return byId.get(sensor)
    const there = byPlace.get(place ?? '') ?? []
    return mostTelling(there, district.sensors, quantity)
  }
  /** The last two hours up to `nowMs`. Rejects when the store does. A place without a sensor has an empty series. */
  return async (wish: SeriesWish, nowMs: number): Promise<Series> => {
    const index = find(wish)
    const sensor = index === undefined ? undefined : district.sensors[index]
    if (index === undefined || sensor === undefined) {
      return { sensor: null, quantity: null, unit: null, atMs: [], value: [] }
    }
    const points = await store.range({
      sensor: index,
      fromMs: nowMs - twoHoursMs,
      toMs: nowMs + 1,
      maxPoints: chartPoints,
    })
    return {
      sensor: sensor.id,
      quantity: sensor.quantity,
      unit: quantities[sensor.quantity].unit,
      atMs: points.map(point => point.atMs),
      value: points.map(point => (Number.isNaN(point.max) ? null : point.max)),
    }
  }
}

function mostTelling(
  there: readonly number[],
  sensors: readonly Sensor[],
  wish: string | undefined,
): number | undefined {
  const wanted = there.find(index => sensors[index]?.quantity === wish)
  if (wanted !== undefined) return wanted
  for (const quantity of telling) {
    const found = there.find(index => sensors[index]?.quantity === quantity)
    if (found !== undefined) return found
  }
  return there[0]
}
