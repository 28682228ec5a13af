/**
 * How often sensors are asked, when the house wants it otherwise than the profile says: by configuration, and for a
 * while by command (storm mode).
 */
import type { Clock } from '@forewarn/runtime/clock'

export interface FasterCommand {
  readonly sensors: readonly string[]
  /** null: as configured. */
  readonly periodS: number | null
  readonly untilMs: number
}

export class Pace {
  #clock: Clock
  #onChanged: () => void
  #configured = new Map<string, Readonly<Record<string, number>>>()
  #faster = new Map<string, { periodMs: number; untilMs: number }>()
  #cancelEnd = () => {}

  constructor({ clock, onChanged }: { clock: Clock; onChanged: () => void }) {
    this.#clock = clock
    this.#onChanged = onChanged
  }

  /** Seconds by sensor, for one gateway; in place of what was configured before. */
  configure(gateway: string, samplingS: Readonly<Record<string, number>>): void {
    this.#configured.set(gateway, samplingS)
    this.#onChanged()
  }

  faster({ sensors, periodS, untilMs }: FasterCommand): void {
    for (const sensor of sensors) {
      if (periodS === null) this.#faster.delete(sensor)
      else this.#faster.set(sensor, { periodMs: periodS * 1000, untilMs })
    }
    this.#endInTime()
    this.#onChanged()
  }

  /** Ends what has run out, and comes back when the next one does. */
  #endInTime(): void {
    this.#cancelEnd()
    const nowMs = this.#clock.nowMs()
    for (const [sensor, { untilMs }] of this.#faster) if (untilMs <= nowMs) this.#faster.delete(sensor)
    const ends = [...this.#faster.values()].map(({ untilMs }) => untilMs)
    if (ends.length === 0) return
    this.#cancelEnd = this.#clock.after(Math.min(...ends) - nowMs, () => {
      this.#endInTime()
      this.#onChanged()
    })
  }

  /** The shorter period wins: a command asks for "at least so often". */
  periodMsBySensor(): ReadonlyMap<string, number> {
    const periods = new Map<string, number>()
    for (const samplingS of this.#configured.values())
      for (const [sensor, periodS] of Object.entries(samplingS)) periods.set(sensor, periodS * 1000)
    for (const [sensor, { periodMs }] of this.#faster)
      periods.set(sensor, Math.min(periodMs, periods.get(sensor) ?? Number.POSITIVE_INFINITY))
    return periods
  }

  stop(): void {
    this.#cancelEnd()
  }
}
