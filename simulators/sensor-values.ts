/**
 * What each simulated sensor says at a time: weather where there is any, the hour of the day, and noise. Pure: the
 * same sensor at the same time always says the same.
 */
import type { District, Place, Sensor } from '@forewarn/contracts/district'
import type { Quantity } from '@forewarn/contracts/quantity'
import { hash, noise } from './chance.ts'
import type { Trouble } from './scenario.ts'
import type { StormTale } from './storm-tale.ts'

/** What a sensor says at `atMs` (UTC ms), in the unit of its quantity. */
export type SensorValue = (atMs: number) => number

export interface ValuesOptions {
  readonly district: Pick<District, 'places'>
  readonly tale: StormTale
  readonly troubles: readonly Trouble[]
  /** House time at which the scenario began: troubles count from it. */
  readonly startMs: number
}

/** How sensors speak, given the weather and what goes wrong. */
export function sensorValues({ district, tale, troubles, startMs }: ValuesOptions): (sensor: Sensor) => SensorValue {
  const placeById = new Map(district.places.map(place => [place.id, place]))
  return sensor => {
    const place = sensor.place === undefined ? undefined : placeById.get(sensor.place)
    let value = soundValue(sensor, { place, tale })
    for (const trouble of troubles) value = troubled(value, { sensor, trouble, startMs })
    return atMs => rounded(value(atMs))
  }
}

interface Surroundings {
  readonly place: Place | undefined
  readonly tale: StormTale
}

function soundValue(sensor: Sensor, { place, tale }: Surroundings): SensorValue {
  const name = hash(sensor.id)
  if (sensor.quantity === 'rain') return gaugeValue(sensor, { name, tale })
  const shake = (atMs: number) => noise(name, Math.floor(atMs / 1000))
  if (place !== undefined && place.limits['flooded'] !== undefined) {
    const point = { placeId: place.id, catchment: place.catchment }
    const lowestM = sensor.quantity === 'water_depth' ? 0 : -20
    return atMs => Math.max(lowestM, tale.levelM(point, atMs) + 0.003 * shake(atMs))
  }
  const speak = ordinary[sensor.quantity]
  // Every sensor is a little different from the next of its kind.
  const own = noise(name, 0)
  return atMs => speak({ atMs, hour: hourOf(atMs), own, shake: shake(atMs), rains: tale.rains, place })
}

/** A gauge tells what fell in its period; no two gauges of a catchment catch quite the same. */
function gaugeValue(
  { catchment, place, periodS }: Sensor,
  { name, tale }: { name: number; tale: StormTale },
): SensorValue {
  const gain = 1 + 0.05 * noise(name, 0)
  return atMs => gain * tale.rainMm(catchment ?? place ?? '', { fromMs: atMs - periodS * 1000, toMs: atMs })
}

interface Moment {
  readonly atMs: number
  /** Local, 0 ≤ hour < 24. */
  readonly hour: number
  /** −1 … 1: what is peculiar to this sensor. */
  readonly own: number
  /** −1 … 1: noise of this moment. */
  readonly shake: number
  readonly rains: (atMs: number) => boolean
  readonly place: Place | undefined
}

/** China keeps one time, without summer time. */
function hourOf(atMs: number): number {
  return (atMs / 3_600_000 + 8) % 24
}

/** 0 … 1: a bump around an hour of the day. */
function around(hour: number, peak: number, width: number): number {
  const away = Math.min(Math.abs(hour - peak), 24 - Math.abs(hour - peak))
  return Math.exp(-((away / width) ** 2))
}

const day = (hour: number) => around(hour, 14, 5)
const rush = (hour: number) => Math.max(around(hour, 12.5, 1.5), around(hour, 18.5, 2))
const tideMs = 12.42 * 3_600_000

const ordinary: Readonly<Record<Quantity, (moment: Moment) => number>> = {
  rain: () => 0,
  water_depth: ({ shake }) => Math.max(0, 0.002 * shake),
  manhole_level: ({ atMs, own, shake, rains }) => -1.4 + 0.3 * own + (rains(atMs) ? 0.25 : 0) + 0.01 * shake,
  river_level: ({ atMs, shake }) => 2.6 + 0.9 * Math.sin((2 * Math.PI * atMs) / tideMs) + 0.01 * shake,
  pump_running: ({ atMs, shake, rains }) => (rains(atMs) || shake > 0.9 ? 1 : 0),
  pump_flow: ({ atMs, own, shake, rains }) => (rains(atMs) ? 3.2 + own + 0.1 * shake : 0),
  lift_door_time: ({ own, shake }) => 3.6 + 0.3 * own + 0.3 * shake,
  lift_levelling_error: ({ own, shake }) => 2 * own + 2 * shake,
  lift_trapped: () => 0,
  vibration: ({ own, shake }) => 1.4 + 0.4 * own + 0.3 * shake,
  crowd_density: ({ hour, own, shake }) => Math.max(0, 0.1 + (1.6 + 0.6 * own) * rush(hour) + 0.1 * shake),
  parking_occupancy: ({ hour, own, shake }) => 32 + 8 * own + 46 * day(hour) + 2 * shake,
  smoke_obscuration: ({ shake }) => 0.15 + 0.1 * shake,
  temperature: ({ hour, own, shake, place }) => {
    if (place?.kind === 'substation') return 36 + 3 * own + 6 * day(hour) + 0.5 * shake
    return place?.kind === 'weather-station' ? 25 + 5 * day(hour) + 0.3 * shake : 23 + own + 0.3 * shake
  },
  humidity: ({ atMs, hour, shake, rains }) => (rains(atMs) ? 93 : 72 - 14 * day(hour)) + 2 * shake,
  pm2_5: ({ hour, own, shake }) => 30 + 8 * own + 10 * rush(hour) + 4 * shake,
  noise: ({ hour, own, shake }) => 46 + 4 * own + 16 * day(hour) + 3 * shake,
  power_load: ({ hour, own, shake }) => 420 + 150 * own + 520 * day(hour) + 15 * shake,
  wind_speed: ({ atMs, shake, rains }) => (rains(atMs) ? 9 : 3) + 1.5 * shake,
}

interface TroubleOptions {
  readonly sensor: Sensor
  readonly trouble: Trouble
  readonly startMs: number
}

function troubled(sound: SensorValue, { sensor, trouble, startMs }: TroubleOptions): SensorValue {
  const fromMs = startMs + trouble.afterMin * 60_000
  const toMs = fromMs + trouble.forMin * 60_000
  if (trouble.kind === 'sensor-stuck' && trouble.sensor === sensor.id) {
    return atMs => sound(atMs >= fromMs && atMs < toMs ? fromMs : atMs)
  }
  if (trouble.kind === 'lift-wear' && trouble.place === sensor.place) {
    return atMs => worn(sensor.quantity, sound(atMs), Math.min(1, Math.max(0, (atMs - fromMs) / (toMs - fromMs))))
  }
  return sound
}

/** A lift's value when it is worn by a share of 0 … 1. */
function worn(quantity: Quantity, value: number, share: number): number {
  if (quantity === 'lift_door_time') return value + 7 * share
  if (quantity === 'lift_levelling_error') return value + 22 * share ** 2
  if (quantity === 'vibration') return value + 9 * share ** 2
  if (quantity === 'lift_trapped') return share >= 1 ? 1 : 0
  return value
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
