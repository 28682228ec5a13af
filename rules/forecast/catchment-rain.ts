/**
 * The rain on one catchment, minute by minute, out of several gauges of which some may be silent, stuck or late.
 * The only reader of rain gauges.
 */
import { medianSorted } from 'simple-statistics'

const keptMin = 240
const minuteMs = 60_000
/** A gauge that has not spoken for so long says nothing about now. */
const staleAfterMin = 5

/** One gauge's last four hours in minutes: rain fallen, and how much of the minute it speaks for. */
interface Gauge {
  readonly mm: Float32Array
  readonly coveredS: Float32Array
  /** Which minute each slot holds; an old one is empty. */
  readonly minute: Float64Array
}

export interface GaugeReading {
  readonly gauge: number
  readonly measuredAtMs: number
  readonly mm: number
  readonly periodS: number
}

/** What is kept over a restart. */
export interface CatchmentRainState {
  readonly mm: readonly Float32Array[]
  readonly coveredS: readonly Float32Array[]
  readonly minute: readonly Float64Array[]
  readonly newestMinute: number
}

/** A minute is named by its end: rain measured at 10:05:00 fell in the minute 10:05. */
export function minuteOf(atMs: number): number {
  return Math.ceil(atMs / minuteMs)
}

export class CatchmentRain {
  readonly #gauges: Gauge[]
  #newestMinute = Number.NEGATIVE_INFINITY

  constructor(gauges: number) {
    this.#gauges = Array.from({ length: gauges }, () => ({
      mm: new Float32Array(keptMin),
      coveredS: new Float32Array(keptMin),
      minute: new Float64Array(keptMin).fill(Number.NaN),
    }))
  }

  /** The newest minute that any gauge has spoken for; -Infinity when none has. */
  get newestMinute(): number {
    return this.#newestMinute
  }

  take({ gauge: index, measuredAtMs, mm, periodS }: GaugeReading): void {
    const gauge = this.#gauges[index]
    if (gauge === undefined) return
    const last = minuteOf(measuredAtMs)
    this.#newestMinute = Math.max(this.#newestMinute, last)
    if (periodS < 60) return addTo(gauge, last, mm, periodS)
    const minutes = Math.max(1, Math.round(periodS / 60))
    for (let minute = last - minutes + 1; minute <= last; minute++) setMinute(gauge, minute, mm / minutes)
  }

  /** Whether no gauge has spoken for so long that nothing can be said about `minute`. */
  isStale(minute: number): boolean {
    return minute - this.#newestMinute > staleAfterMin
  }

  /**
   * mm/h in that minute; NaN when no gauge spoke for it. Of one or two gauges the larger counts: gauges fail low
   * (blocked, silent, beside the cell). Of three and more the median, which no single broken one can move.
   */
  at(minute: number): number {
    const spoken: number[] = []
    for (const gauge of this.#gauges) {
      const slot = slotOf(minute)
      const coveredS = gauge.coveredS[slot] ?? 0
      if (gauge.minute[slot] === minute && coveredS > 0) spoken.push(((gauge.mm[slot] ?? 0) / coveredS) * 3600)
    }
    if (spoken.length === 0) return Number.NaN
    return spoken.length <= 2 ? Math.max(...spoken) : medianSorted(spoken.sort((a, b) => a - b))
  }

  /** Like `at`, with a gap filled by the mean of the minutes before it: a lost message is no dry minute. */
  filledAt(minute: number): number {
    const exact = this.at(minute)
    return Number.isNaN(exact) ? this.meanBefore(minute, staleAfterMin) : exact
  }

  /** Mean of the known ones among the `minutes` before `minute`, mm/h; 0 when none is known. */
  meanBefore(minute: number, minutes: number): number {
    let sum = 0
    let known = 0
    for (let back = 1; back <= minutes; back++) {
      const rain = this.at(minute - back)
      if (Number.isNaN(rain)) continue
      sum += rain
      known += 1
    }
    return known === 0 ? 0 : sum / known
  }

  /** Rain fallen in the known ones among the `minutes` up to and including `minute`, mm. */
  sumUntil(minute: number, minutes: number): number {
    let mm = 0
    for (let back = 0; back < minutes; back++) {
      const rain = this.at(minute - back)
      if (!Number.isNaN(rain)) mm += rain / 60
    }
    return mm
  }

  state(): CatchmentRainState {
    return {
      mm: this.#gauges.map(({ mm }) => mm.slice()),
      coveredS: this.#gauges.map(({ coveredS }) => coveredS.slice()),
      minute: this.#gauges.map(({ minute }) => minute.slice()),
      newestMinute: this.#newestMinute,
    }
  }

  /** Goes on from a kept state; one with other gauges is left aside, and the rain of the next minutes fills in. */
  restore(state: CatchmentRainState): void {
    if (state.mm.length !== this.#gauges.length) return
    for (const [index, gauge] of this.#gauges.entries()) {
      gauge.mm.set(state.mm[index] ?? [])
      gauge.coveredS.set(state.coveredS[index] ?? [])
      gauge.minute.set(state.minute[index] ?? [])
    }
    this.#newestMinute = state.newestMinute
  }
}

function slotOf(minute: number): number {
  return ((minute % keptMin) + keptMin) % keptMin
}

function setMinute(gauge: Gauge, minute: number, mm: number): void {
  const slot = slotOf(minute)
  if ((gauge.minute[slot] ?? 0) > minute) return
  gauge.minute[slot] = minute
  gauge.mm[slot] = mm
  gauge.coveredS[slot] = 60
}

/** Gauges that speak several times a minute: their shares add up. */
function addTo(gauge: Gauge, minute: number, mm: number, periodS: number): void {
  const slot = slotOf(minute)
  if ((gauge.minute[slot] ?? 0) > minute) return
  if (gauge.minute[slot] !== minute) {
    gauge.minute[slot] = minute
    gauge.mm[slot] = 0
    gauge.coveredS[slot] = 0
  }
  gauge.mm[slot] = (gauge.mm[slot] ?? 0) + mm
  gauge.coveredS[slot] = Math.min(60, (gauge.coveredS[slot] ?? 0) + periodS)
}
