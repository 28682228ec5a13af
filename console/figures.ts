/**
 * The figures of the header and the rain strip, from the store: how old the data is, how many sensors are silent,
 * how hard it rains. Asking costs the store work, so an answer is kept for a while, longer when it was slow to get.
 */
import type { District } from '@forewarn/contracts/district'
import type { ReadingStore } from '@forewarn/store/reading-store'
import type { Figures, RainMinute } from './wire.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
/** Gauges looked at for the strip; a district has some ten, a city's cell not many more. */
const gaugeLimit = 48
/** A sensor is silent after three of its periods, as in the rules' own default. */
const silentPeriods = 3

export interface FiguresOptions {
  readonly district: District
  readonly store: Pick<ReadingStore, 'latest' | 'range'>
  /** House time, UTC ms. */
  readonly nowMs: () => number
  readonly speed: number
  /** Wall time in ms, monotonic: what keeping an answer is measured in. */
  readonly wallMs: () => number
}

interface Gauge {
  readonly sensor: number
}

/** Gives the newest figures, taken anew at most once a second. A store in trouble gives figures that are not known. */
export function figuresOf(options: FiguresOptions): () => Promise<Figures> {
  const gauges = gaugesOf(options.district)
  let kept: { untilMs: number; figures: Promise<Figures> } | undefined
  return () => {
    if (kept !== undefined && options.wallMs() < kept.untilMs) return kept.figures
    const beganMs = options.wallMs()
    const figures = take(options, gauges)
    const entry = { untilMs: Number.POSITIVE_INFINITY, figures }
    kept = entry
    const release = () => {
      const tookMs = options.wallMs() - beganMs
      // At most a twentieth of the store's time goes into this, however many sensors there are.
      entry.untilMs = options.wallMs() + Math.max(1000, 20 * tookMs)
    }
    figures.then(release, release)
    return figures
  }
}

function gaugesOf(district: District): Gauge[] {
  const all = district.sensors.flatMap((sensor, index) => (sensor.quantity === 'rain' ? [{ sensor: index }] : []))
  const step = Math.max(1, Math.ceil(all.length / gaugeLimit))
  return all.filter((_, index) => index % step === 0)
}

async function take({ district, store, nowMs, speed }: FiguresOptions, gauges: readonly Gauge[]): Promise<Figures> {
  const atMs = nowMs()
  const empty: Figures = {
    atMs,
    dataAgeMs: null,
    oldAfterMs: oldAfterMs(district, speed),
    silentSensors: null,
    sensors: district.sensors.length,
    rainNowMmPerHour: null,
    rainLastHourMm: null,
    rain: [],
  }
  const [freshness, rain] = await Promise.allSettled([freshnessOf(district, store, atMs), rainOf(store, gauges, atMs)])
  return {
    ...empty,
    ...(freshness.status === 'fulfilled' ? freshness.value : {}),
    ...(rain.status === 'fulfilled' ? rain.value : {}),
  }
}

/** Two periods of the quickest sensors, but at least what ten seconds on the wall are in house time. */
function oldAfterMs(district: District, speed: number): number {
  let quickestS = 300
  for (const sensor of district.sensors) quickestS = Math.min(quickestS, sensor.periodS)
  return Math.max(2 * quickestS * 1000, 10_000 * speed)
}

async function freshnessOf(district: District, store: Pick<ReadingStore, 'latest'>, atMs: number) {
  const latest = await store.latest(undefined)
  let newestMs = Number.NEGATIVE_INFINITY
  const heard = new Uint8Array(district.sensors.length)
  for (const reading of latest) {
    newestMs = Math.max(newestMs, reading.measuredAtMs)
    const periodS = district.sensors[reading.sensor]?.periodS
    if (periodS !== undefined && atMs - reading.measuredAtMs <= silentPeriods * periodS * 1000)
      heard[reading.sensor] = 1
  }
  let silent = heard.length
  for (const flag of heard) silent -= flag
  return { dataAgeMs: Number.isFinite(newestMs) ? Math.max(0, atMs - newestMs) : null, silentSensors: silent }
}

async function rainOf(store: Pick<ReadingStore, 'range'>, gauges: readonly Gauge[], atMs: number) {
  const toMs = Math.floor(atMs / minuteMs) * minuteMs + minuteMs
  const fromMs = toMs - hourMs
  const columns = await Promise.all(
    gauges.map(async gauge => perMinuteMm(await store.range({ sensor: gauge.sensor, fromMs, toMs }), fromMs)),
  )
  const heard = columns.filter(column => column !== undefined)
  if (heard.length === 0) return {}
  return {
    rain: stripOf(heard, fromMs),
    rainNowMmPerHour: Math.max(...heard.map(column => sum(column.slice(-11, -1)) * 6)),
    rainLastHourMm: Math.max(...heard.map(sum)),
  }
}

/** Millimetres in each of the 60 minutes; undefined when the gauge said nothing in them. */
function perMinuteMm(points: readonly { atMs: number; mean: number }[], fromMs: number): number[] | undefined {
  const minutes = new Array<number>(60).fill(0)
  let any = false
  for (const point of points) {
    const minute = Math.floor((point.atMs - fromMs) / minuteMs)
    if (minute < 0 || minute >= 60 || Number.isNaN(point.mean)) continue
    minutes[minute] = (minutes[minute] ?? 0) + point.mean
    any = true
  }
  return any ? minutes : undefined
}

function stripOf(columns: readonly number[][], fromMs: number): RainMinute[] {
  return Array.from({ length: 60 }, (_, minute) => {
    const mmPerHour = columns.map(column => (column[minute] ?? 0) * 60)
    return { atMs: fromMs + minute * minuteMs, mean: sum(mmPerHour) / mmPerHour.length, max: Math.max(...mmPerHour) }
  })
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
