/**
 * The last levels of one place by minute, for drawing the model towards them. A single jump that no water makes
 * in one reading is left out until a second reading agrees.
 */
import { minuteOf } from './catchment-rain.ts'

const keptMin = 16
/** Sensors spike by 0.2 to 1.5 m in about 0.2 % of readings; water on a road rises by a few cm a minute. */
const jumpM = 0.2

/** What is kept over a restart. */
export interface LevelMemoryState {
  readonly level: Float64Array
  readonly minute: Float64Array
  readonly lastM: number
}

export class LevelMemory {
  readonly #level = new Float64Array(keptMin).fill(Number.NaN)
  readonly #minute = new Float64Array(keptMin).fill(Number.NaN)
  #lastM = Number.NaN

  take(measuredAtMs: number, levelM: number): void {
    // Below the road a manhole level may move as fast as it likes: only what stands on the road counts here.
    const standing = Math.max(0, levelM)
    const jumped = Math.abs(standing - this.#lastM) > jumpM
    this.#lastM = standing
    if (jumped) return
    const minute = minuteOf(measuredAtMs)
    const slot = minute % keptMin
    this.#minute[slot] = minute
    this.#level[slot] = standing
  }

  state(): LevelMemoryState {
    return { level: this.#level.slice(), minute: this.#minute.slice(), lastM: this.#lastM }
  }

  restore(state: LevelMemoryState): void {
    this.#level.set(state.level)
    this.#minute.set(state.minute)
    this.#lastM = state.lastM
  }

  /** Level in that minute, m; NaN when none was read. */
  at(minute: number): number {
    const slot = ((minute % keptMin) + keptMin) % keptMin
    return this.#minute[slot] === minute ? (this.#level[slot] ?? Number.NaN) : Number.NaN
  }
}
