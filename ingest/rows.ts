/**
 * Readings in columns while their number is not known yet, and what is done about those whose time cannot be
 * believed.
 */
import { qualityFlag, type ReadingBatch } from '@forewarn/contracts/reading'
import type { Clocks } from './clocks.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/**
 * How far a device's time may lie from the arrival. Ahead: clocks drift. Behind: a live reading may come late, by a
 * day and the summer time that somebody forgot, and an outbox may have waited for two days.
 */
export const clockTolerance = {
  aheadMs: 5 * minuteMs,
  behindMs: 26 * hourMs,
  behindInBacklogMs: 48 * hourMs,
  /** An outbox whose gateway knows that its clock is right may have waited for weeks. */
  behindByRightClockMs: 31 * 24 * hourMs,
} as const

export interface Times {
  readonly gatewayId: string
  readonly receivedAtMs: number
  readonly clocks: Clocks
  /** The gateway's clock less the house's as the gateway measured it, ms; undefined when it never did. */
  readonly clockOffsetMs?: number | undefined
}

/** What was found out about the clock behind a message. */
export interface SkewFound {
  readonly readings: number
  /** Place in the message of the first. */
  readonly index: number
  /** The device's clock less the house's, ms, of the newest reading. */
  readonly offsetMs: number
}

export class Rows {
  readonly sensor: Uint32Array
  readonly measuredAtMs: Float64Array
  readonly value: Float64Array
  readonly quality: Uint8Array
  readonly #backlog: boolean
  readonly #receivedAtMs: number
  readonly #oldestMs: number
  readonly #newestMs: number
  rows = 0
  /** Rows whose time cannot be believed. */
  #skewed: number[] = []
  #firstSkewedIndex = 0

  constructor(atMost: number, { receivedAtMs, backlog }: { receivedAtMs: number; backlog: boolean }) {
    this.sensor = new Uint32Array(atMost)
    this.measuredAtMs = new Float64Array(atMost)
    this.value = new Float64Array(atMost)
    this.quality = new Uint8Array(atMost)
    this.#backlog = backlog
    this.#receivedAtMs = receivedAtMs
    this.#oldestMs = receivedAtMs - (backlog ? clockTolerance.behindInBacklogMs : clockTolerance.behindMs)
    this.#newestMs = receivedAtMs + clockTolerance.aheadMs
  }

  /** `timeMs` is the device's own; without one, the time of arrival counts. `index` is its place in the message. */
  add(
    sensor: number,
    value: number,
    { timeMs, quality, index }: { timeMs: number | undefined; quality: number; index: number },
  ): void {
    const row = this.rows++
    this.sensor[row] = sensor
    this.value[row] = value
    const atMs = timeMs ?? this.#receivedAtMs
    this.measuredAtMs[row] = atMs
    this.quality[row] = this.#backlog ? quality | qualityFlag.backlog : quality
    // Written so that a time that is no number is not credible either.
    if (atMs >= this.#oldestMs && atMs <= this.#newestMs) return
    if (this.#skewed.length === 0) this.#firstSkewedIndex = index
    this.#skewed.push(row)
  }

  /**
   * A warning must not be lost to a wrong clock: readings with a time that cannot be believed count at their arrival,
   * or by the offset that the gateway itself measured. Marks them; says what was found; undefined when nothing was.
   */
  settle(times: Times): SkewFound | undefined {
    if (this.#skewed.length > 0 && this.#backlog) this.#believeRightClock(times)
    this.#noteCredible(times)
    if (this.#skewed.length === 0) return undefined
    const { gatewayId, receivedAtMs, clocks } = times
    const newestMs = this.#newestOfSensor()
    let offsetMs = Number.NEGATIVE_INFINITY
    let withoutTime = 0
    for (const row of this.#skewed) {
      const [sensor, timeMs] = [this.sensor[row] ?? 0, this.measuredAtMs[row] ?? 0]
      const spreadMs = (newestMs.get(sensor) ?? timeMs) - timeMs
      // As far before the newest of its sensor as the device says, so that several of one sensor stay apart.
      const isApart = spreadMs <= clockTolerance.behindInBacklogMs
      const arrivalMs = receivedAtMs - (isApart ? spreadMs : ++withoutTime)
      const off = { sensor, timeMs, arrivalMs, receivedAtMs }
      const measured = this.#byMeasuredOffset(timeMs, times)
      const counted = clocks.replaced(gatewayId, off)
      this.measuredAtMs[row] = measured ?? counted
      this.quality[row] = (this.quality[row] ?? 0) | qualityFlag.clockReplaced
      offsetMs = Math.max(offsetMs, timeMs - receivedAtMs)
    }
    return { readings: this.#skewed.length, index: this.#firstSkewedIndex, offsetMs }
  }

  /** The true time, when the gateway knows how wrong its clock is and the result can be believed. */
  #byMeasuredOffset(timeMs: number, { clockOffsetMs }: Times): number | undefined {
    if (clockOffsetMs === undefined) return undefined
    const atMs = timeMs - clockOffsetMs
    return atMs >= this.#oldestMs && atMs <= this.#newestMs ? atMs : undefined
  }

  /** What waited long in the outbox of a gateway whose clock is right was measured when it says. */
  #believeRightClock({ clockOffsetMs, receivedAtMs }: Times): void {
    if (clockOffsetMs === undefined || Math.abs(clockOffsetMs) > clockTolerance.aheadMs) return
    const oldestMs = receivedAtMs - clockTolerance.behindByRightClockMs
    this.#skewed = this.#skewed.filter(row => {
      const atMs = this.measuredAtMs[row] ?? Number.NaN
      return !(atMs >= oldestMs && atMs <= this.#newestMs)
    })
  }

  #newestOfSensor(): Map<number, number> {
    const newest = new Map<number, number>()
    for (const row of this.#skewed) {
      const [sensor, timeMs] = [this.sensor[row] ?? 0, this.measuredAtMs[row] ?? 0]
      if (!Number.isFinite(timeMs)) this.measuredAtMs[row] = this.#receivedAtMs
      newest.set(sensor, Math.max(newest.get(sensor) ?? Number.NEGATIVE_INFINITY, this.measuredAtMs[row] ?? 0))
    }
    return newest
  }

  /** Only where a clock is known to be off: everyone else pays one look. An outbox may speak of times before it was. */
  #noteCredible({ gatewayId, receivedAtMs, clocks }: Times): void {
    if (this.#backlog || !clocks.isWrong(gatewayId)) return
    const off = new Set(this.#skewed.map(row => this.sensor[row]))
    for (let row = 0; row < this.rows; row++) {
      const sensor = this.sensor[row] ?? 0
      // A reading without a time of its own proves nothing about the clock.
      if (!off.has(sensor) && this.measuredAtMs[row] !== receivedAtMs) clocks.credible(gatewayId, sensor, receivedAtMs)
    }
  }

  batch(gateway: number, sequence: number): ReadingBatch {
    const { rows } = this
    return {
      gateway,
      receivedAtMs: this.#receivedAtMs,
      sequence,
      sensor: this.sensor.subarray(0, rows),
      measuredAtMs: this.measuredAtMs.subarray(0, rows),
      value: this.value.subarray(0, rows),
      quality: this.quality.subarray(0, rows),
    }
  }
}
