/** A forecast as it is told: numbers for the chart, and two sentences that an officer can read out. */
import type { Place } from '@forewarn/contracts/district'
import type { Forecast } from '@forewarn/contracts/episode'
import type { Text } from '@forewarn/contracts/text'
import { type Crossing, chanceWithin, type Foresight, fanLeadMin } from './foresee.ts'
import type { ParameterSource, PlaceParameters } from './model-file.ts'
import { depthM, type ReservoirState } from './reservoir.ts'

const minuteMs = 60_000

export interface Told {
  readonly place: Place
  readonly parameters: PlaceParameters
  readonly modelVersion: string
  /** The minute that was looked ahead from, and the newest minute with rain; UTC ms / 60 000. */
  readonly minute: number
  readonly rainUntilMinute: number
  readonly rainNowMmPerHour: number
  readonly rainHalfHourMm: number
  readonly state: ReservoirState
  /** No gauge has spoken lately. */
  readonly stale: boolean
  /** Undefined when it is dry, or when nobody can say. */
  readonly foresight: Foresight | undefined
  readonly limits: readonly number[]
  readonly horizonMin: number
}

/** The forecast on the wire. With stale rain the fan is empty: no number is better than a made-up one. */
export function describeForecast(told: Told): Forecast {
  const { foresight, stale } = told
  const common = {
    model: 'rain-to-depth',
    modelVersion: told.modelVersion,
    issuedAtMs: told.minute * minuteMs,
    ...(Number.isFinite(told.rainUntilMinute) ? { rainUntilMs: told.rainUntilMinute * minuteMs } : {}),
    explanation: explain(told),
  }
  if (stale) return { ...common, leadMin: [], p10: [], p50: [], p90: [], crossings: [] }
  const flat = fanLeadMin.map(() => 0)
  return {
    ...common,
    leadMin: [...fanLeadMin],
    p10: foresight === undefined ? flat : foresight.p10.map(toMm),
    p50: foresight === undefined ? flat : foresight.p50.map(toMm),
    p90: foresight === undefined ? flat : foresight.p90.map(toMm),
    crossings: told.limits.map(limit => crossingOf(told, limit)),
  }
}

/** Metres to the millimetre: more digits would claim more than is known. */
function toMm(metres: number): number {
  return Math.round(metres * 1000) / 1000
}

function crossingOf(told: Told, limit: number): Forecast['crossings'][number] {
  const { foresight, horizonMin, minute } = told
  const crossing = foresight?.crossings.find(known => known.limit === limit)
  if (foresight === undefined || crossing === undefined) return { limit, probability: 0, horizonMin }
  const probability = chanceWithin(crossing, foresight.members, horizonMin)
  const band = bandOf(crossing, horizonMin)
  if (band === undefined) return { limit, probability, horizonMin }
  const at = (afterMin: number) => (minute + afterMin) * minuteMs
  return { limit, probability, horizonMin, atMs: { p10: at(band.p10), p50: at(band.p50), p90: at(band.p90) } }
}

/** When it comes, if it comes within the horizon: 10, 50 and 90 % of the members that cross. */
function bandOf(crossing: Crossing, withinMin: number): { p10: number; p50: number; p90: number } | undefined {
  const after = crossing.afterMin.filter(minute => minute <= withinMin)
  const at = (p: number) => after[Math.min(after.length - 1, Math.floor(p * after.length))] ?? 0
  return after.length === 0 ? undefined : { p10: at(0.1), p50: at(0.5), p90: at(0.9) }
}

const sourceNote: Readonly<Record<ParameterSource, Text | undefined>> = {
  own: undefined,
  catchment: {
    zh: '本点尚无标定，采用同汇水区参数中值。',
    en: 'Not calibrated here yet: the middle of its catchment is used.',
  },
  all: { zh: '本点尚无标定，采用全部点位参数中值。', en: 'Not calibrated here yet: the middle of all places is used.' },
}

function explain(told: Told): Text {
  const note = sourceNote[told.parameters.source]
  const { zh, en } = told.stale ? explainStale(told) : explainRain(told)
  return { zh: `${zh}${note?.zh ?? ''}`, en: note === undefined ? en : `${en} ${note.en}` }
}

function explainStale({ minute, rainUntilMinute }: Told): Text {
  const since = minute - rainUntilMinute
  return {
    zh: `雨量数据已中断${since}分钟，无法预报。`,
    en: `No rain gauge has spoken for ${since} min, so nothing can be foreseen.`,
  }
}

function explainRain(told: Told): Text {
  const { parameters } = told.parameters
  const half = told.rainHalfHourMm.toFixed(1)
  const now = Math.round(told.rainNowMmPerHour)
  const inflow = Math.round(told.state.second)
  const capacity = Math.round(parameters.capacityMmPerHour)
  const depth = Math.round(depthM(parameters, told.state.storedMm) * 100)
  const chance = likeliest(told)
  return {
    zh: `近30分钟降雨${half}毫米，当前雨强${now}毫米/时；入流相当于${inflow}毫米/时，排水能力${capacity}毫米/时；模型水深${depth}厘米。${chance.zh}`,
    en: `${half} mm of rain in 30 min, now ${now} mm/h; inflow equals ${inflow} mm/h and the drains take ${capacity} mm/h; modelled depth ${depth} cm. ${chance.en}`,
  }
}

/** The lowest limit says most: it comes first. */
function likeliest(told: Told): Text {
  const [limit] = told.limits
  if (limit === undefined) return { zh: '本点未设限值。', en: 'No limits are set for this place.' }
  const { probability, atMs, horizonMin } = crossingOf(told, limit)
  const percent = Math.round(probability * 100)
  const cm = Math.round(limit * 100)
  const zh = `${horizonMin}分钟内达到${cm}厘米的概率${percent}%`
  const en = `${percent} % chance of ${cm} cm within ${horizonMin} min`
  if (atMs === undefined) return { zh: `${zh}。`, en: `${en}.` }
  const after = (ms: number) => Math.round(ms / minuteMs - told.minute)
  const band = `${after(atMs.p10)}–${after(atMs.p90)}`
  return {
    zh: `${zh}，预计约${after(atMs.p50)}分钟后（${band}分钟）。`,
    en: `${en}, most likely in ${after(atMs.p50)} min (${band} min).`,
  }
}
