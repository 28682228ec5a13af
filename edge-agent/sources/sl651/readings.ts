/**
 * Readings out of what a station said: which of its elements, at which moment, of which quality. Pure: what it remembers
 * of running totals is handed in and handed back, so that nothing is remembered of readings that were not kept.
 */
import type { Quality } from '@forewarn/contracts/reading'
import type { SenmlReading } from '@forewarn/contracts/senml'
import { beijingIsoToUtcMs } from '@forewarn/protocols/beijing-time'
import type { Element } from '@forewarn/protocols/sl651/elements-of-body'
import type { Sl651Message } from '@forewarn/protocols/sl651/message'
import { readingOf } from '../profile-fields.ts'
import { type RainTotal, rainBetween } from '../rain-total.ts'
import { readingOrMissing } from '../said-missing.ts'
import type { StationProfile, StationSensor } from './profile.ts'

export interface StationReadings {
  /** Of now, by the station's own clock. */
  readonly live: readonly SenmlReading[]
  /** That the station had held back: the earlier values of a series. */
  readonly held: readonly SenmlReading[]
  /** By sensor; to be remembered once the readings are kept. */
  readonly totals: ReadonlyMap<string, RainTotal>
  /** What became no reading, by reason. */
  readonly passedOver: readonly PassedOver[]
}

export interface PassedOver {
  readonly reason: 'rain-total-reset' | 'series-of-a-wrong-clock' | 'series-without-step' | 'digits-are-no-bcd'
  readonly detail: string
}

/** Older than this, by the station's own clock, a value was held back: a step of five minutes and the time to send. */
const heldBackAfterMs = 6 * 60_000
/** Beyond it the station's clock is wrong, and the times of a series with it. */
const clockOffAtMostMs = 10 * 60_000
const fiveMinutesMs = 5 * 60_000

/** A measured number and its moment; null for "the station has no value". */
interface Measured {
  readonly atMs: number
  readonly value: number | null
}

interface Gathering {
  readonly live: SenmlReading[]
  readonly held: SenmlReading[]
  readonly totals: Map<string, RainTotal>
  readonly passedOver: PassedOver[]
  readonly sentAtMs: number
  readonly clockIsOff: boolean
  /** Elements whose meter the station itself says is at fault. */
  readonly doubted: ReadonlySet<string>
}

/** `nowMs`: when the message came, UTC. */
export function readingsOf(
  message: Sl651Message,
  { sensors }: Pick<StationProfile, 'sensors'>,
  { totals, nowMs }: { totals: ReadonlyMap<string, RainTotal>; nowMs: number },
): StationReadings {
  const elements = message.elements ?? []
  const sentAtMs = timeOf(message.sendTime) ?? nowMs
  const clockIsOff = Math.abs(sentAtMs - nowMs) > clockOffAtMostMs
  const gathering: Gathering = {
    ...{ live: [], held: [], passedOver: [], totals: new Map(), sentAtMs, clockIsOff },
    doubted: doubtedElements(elements),
  }
  let stepMs: number | undefined
  for (const element of elements) {
    stepMs = stepOf(element) ?? stepMs
    const wanted = sensors.filter(({ read }) => read.id === element.id)
    if (wanted.length === 0) continue
    if (element.rawHex !== undefined) {
      gathering.passedOver.push({ reason: 'digits-are-no-bcd', detail: `${element.id}: ${element.rawHex}` })
    }
    const measured = measuredOf(element, { stepMs, sentAtMs })
    if (measured === undefined) {
      gathering.passedOver.push({ reason: 'series-without-step', detail: `${element.id} has values and no step` })
      continue
    }
    for (const sensor of wanted) gather(gathering, sensor, measured, totals)
  }
  return gathering
}

function timeOf(iso: string | null | undefined): number | undefined {
  return iso === undefined || iso === null ? undefined : beijingIsoToUtcMs(iso)
}

function stepOf({ id, value }: Element): number | undefined {
  if (id !== '04' || typeof value !== 'object' || value === null) return undefined
  return ((value.d * 24 + value.h) * 60 + value.min) * 60_000
}

/** The status names a flow meter (bit 5) or level meters (bit 6) at fault. */
function doubtedElements(elements: readonly Element[]): ReadonlySet<string> {
  const bits = new Set(elements.find(({ id }) => id === '45')?.bits)
  const flow = bits.has(5) ? ['27', '28', '29', '2A', '2B', '2C', '2D', '2E', '2F', '30', '31'] : []
  const levels = ['39', '3A', '3B', '3C', '3D', '3E', '3F', '40', '41', '42', '43']
  const hours = ['F5', 'F6', 'F7', 'F8', 'F9', 'FA', 'FB', 'FC']
  return new Set([...flow, ...(bits.has(6) ? [...levels, ...hours] : [])])
}

/** Undefined for a series whose spacing nobody said. */
function measuredOf(
  element: Element,
  { stepMs, sentAtMs }: { stepMs: number | undefined; sentAtMs: number },
): readonly Measured[] | undefined {
  const obsMs = timeOf(element.obsTime) ?? sentAtMs
  if (element.values === undefined) {
    return [{ atMs: obsMs, value: typeof element.value === 'number' ? element.value : null }]
  }
  const hourly = element.id >= 'F4' && element.id <= 'FC'
  const spacingMs = hourly ? fiveMinutesMs : stepMs
  if (spacingMs === undefined || spacingMs <= 0) return undefined
  const spanMs = (element.values.length - 1) * spacingMs
  // Stations differ in whether the time before a series is that of its first or of its last value. No value can have
  // been measured after it was sent.
  const firstMs = obsMs + spanMs > sentAtMs + 60_000 ? obsMs - spanMs : obsMs
  return element.values.map((value, index) => ({ atMs: firstMs + index * spacingMs, value }))
}

function gather(
  gathering: Gathering,
  sensor: StationSensor,
  measured: readonly Measured[],
  totals: ReadonlyMap<string, RainTotal>,
): void {
  const series = measured.length > 1
  const quality: Quality | undefined = gathering.doubted.has(sensor.read.id) ? 'suspect' : undefined
  let disbelieved = 0
  for (const { atMs, value } of measured) {
    const held = gathering.sentAtMs - atMs > heldBackAfterMs
    if (held && gathering.clockIsOff) {
      disbelieved++
      continue
    }
    const reading =
      value === null ? missing(sensor, atMs, series) : measuredReading(gathering, sensor, { atMs, value }, totals)
    if (reading === undefined) continue
    const judged = quality === undefined || reading.quality !== undefined ? reading : { ...reading, quality }
    const into = held ? gathering.held : gathering.live
    into.push(judged)
  }
  if (disbelieved === 0) return
  gathering.passedOver.push({
    reason: 'series-of-a-wrong-clock',
    detail: `${sensor.sensor}: the station's clock is off by more than ten minutes, and with it ${disbelieved} earlier values`,
  })
}

/** A single missing value is said so; in a series it is a gap like any other. */
function missing(sensor: StationSensor, atMs: number, series: boolean): SenmlReading | undefined {
  return series || sensor.as !== 'value' ? undefined : readingOrMissing(sensor, undefined, atMs)
}

function measuredReading(
  gathering: Gathering,
  sensor: StationSensor,
  { atMs, value }: { atMs: number; value: number },
  totals: ReadonlyMap<string, RainTotal>,
): SenmlReading | undefined {
  const raw = sensor.read.bit === undefined ? value : Math.floor(value / 2 ** sensor.read.bit) % 2
  if (sensor.as === 'value') return readingOrMissing(sensor, raw, atMs)
  const before = gathering.totals.get(sensor.sensor) ?? totals.get(sensor.sensor)
  const step = rainBetween(before, { totalMm: raw, atMs }, sensor)
  if (step.kind === 'older' || step.kind === 'repeated') return undefined
  gathering.totals.set(sensor.sensor, { totalMm: raw, atMs })
  if (step.kind === 'reset') {
    const detail = `${sensor.sensor}: the total went from ${before?.totalMm} to ${raw} mm`
    gathering.passedOver.push({ reason: 'rain-total-reset', detail })
  }
  if (step.kind !== 'rain') return undefined
  if (sensor.as === 'rain') return readingOf(sensor, step.mm, atMs)
  return step.durationMs > rateAtMostMs ? undefined : readingOf(sensor, step.mm / (step.durationMs / 3_600_000), atMs)
}

/** A rate over longer than this says nothing of any moment in it. */
const rateAtMostMs = 2 * 3_600_000
