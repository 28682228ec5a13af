/**
 * What is remembered of every rule at every sensor or place: one cell each, kept in columns because there are
 * hundreds of thousands. Here time counts: `hold` before a level is declared, `clear` before it is given up.
 */
import { type Level, levels } from '@forewarn/contracts/level'

/** Levels as numbers, so that they compare: 0 none, 1 blue, 2 yellow, 3 orange, 4 red. */
export type Rank = number

const ranked = [...levels].reverse()

export function rankOf(level: Level | 'none'): Rank {
  return level === 'none' ? 0 : ranked.indexOf(level) + 1
}

export function levelOfRank(rank: Rank): Level | 'none' {
  return ranked[rank - 1] ?? 'none'
}

/** Clocks of sensors jitter: a reading 119 s after another has held for two minutes. */
const jitterMs = 5000

export interface HoldTimes {
  readonly holdMs: number
  readonly clearHoldMs: number
  /** The mildest level of the rule: it does not fall below it until it clears. */
  readonly lowestRank: Rank
}

export interface Seen {
  readonly rank: Rank
  readonly clears: boolean
}

/** One cell that is not at rest, as it is kept over a restart. */
export interface CellState {
  readonly level: Rank
  readonly since: readonly number[]
  readonly onsetMs: number
  readonly clearSinceMs: number
  readonly lowerSinceMs: number
  readonly lowerRank: Rank
  readonly blind: boolean
}

export class Cells {
  /** The declared level. */
  readonly level: Uint8Array
  /** 1 when the cell's sensor has been silent too long, or its forecast has no rain. */
  readonly blind: Uint8Array
  /** When the declared level's condition began to hold, UTC ms. */
  readonly onsetMs: Float64Array
  /** Since when, without a break, at least rank 1, 2, 3, 4 was seen; NaN when it is not. Four slots a cell. */
  readonly #since: Float64Array
  readonly #clearSinceMs: Float64Array
  readonly #lowerSinceMs: Float64Array
  readonly #lowerRank: Uint8Array
  /** 1 while anything above differs from rest: cells at rest are passed over quickly. */
  readonly #busy: Uint8Array

  constructor(count: number) {
    this.level = new Uint8Array(count)
    this.blind = new Uint8Array(count)
    this.onsetMs = new Float64Array(count).fill(Number.NaN)
    this.#since = new Float64Array(count * 4).fill(Number.NaN)
    this.#clearSinceMs = new Float64Array(count).fill(Number.NaN)
    this.#lowerSinceMs = new Float64Array(count).fill(Number.NaN)
    this.#lowerRank = new Uint8Array(count)
    this.#busy = new Uint8Array(count)
  }

  /** Nothing declared and nothing pending. */
  isAtRest(cell: number): boolean {
    return this.#busy[cell] === 0
  }

  /** Takes what was seen at `atMs` (the reading's own time, never going back). Returns whether the level changed. */
  step(cell: number, seen: Seen, atMs: number, times: HoldTimes): boolean {
    const before = this.level[cell] ?? 0
    const reached = this.#reach(cell, seen.rank, atMs, times.holdMs)
    if (reached > before) this.#declare(cell, reached)
    else if (before > 0) this.#fall(cell, seen, atMs, times)
    this.#busy[cell] = this.level[cell] !== 0 || seen.rank > 0 ? 1 : 0
    return this.level[cell] !== before
  }

  /** The worst rank that has held for long enough. */
  #reach(cell: number, rank: Rank, atMs: number, holdMs: number): Rank {
    const needMs = holdMs - Math.min(jitterMs, holdMs / 10)
    let reached = 0
    for (let each = 1; each <= 4; each++) {
      const slot = cell * 4 + each - 1
      if (each > rank) this.#since[slot] = Number.NaN
      else if (Number.isNaN(this.#since[slot])) this.#since[slot] = atMs
      if (each <= rank && atMs - (this.#since[slot] ?? atMs) >= needMs) reached = each
    }
    return reached
  }

  #declare(cell: number, rank: Rank): void {
    if (this.level[cell] === 0) this.onsetMs[cell] = this.#since[cell * 4 + rank - 1] ?? Number.NaN
    this.level[cell] = rank
    this.#clearSinceMs[cell] = Number.NaN
    this.#lowerSinceMs[cell] = Number.NaN
  }

  #fall(cell: number, seen: Seen, atMs: number, { clearHoldMs, lowestRank }: HoldTimes): void {
    const level = this.level[cell] ?? 0
    this.#clearSinceMs[cell] = seen.clears ? keepOr(this.#clearSinceMs[cell], atMs) : Number.NaN
    if (seen.rank >= level) {
      this.#lowerSinceMs[cell] = Number.NaN
      return
    }
    if (Number.isNaN(this.#lowerSinceMs[cell])) {
      this.#lowerSinceMs[cell] = atMs
      this.#lowerRank[cell] = 0
    }
    this.#lowerRank[cell] = Math.max(this.#lowerRank[cell] ?? 0, seen.rank)
    const needMs = clearHoldMs - Math.min(jitterMs, clearHoldMs / 10)
    if (atMs - (this.#clearSinceMs[cell] ?? Number.NaN) >= needMs) return this.#rest(cell)
    if (atMs - (this.#lowerSinceMs[cell] ?? atMs) < needMs) return
    this.level[cell] = Math.min(level, Math.max(lowestRank, this.#lowerRank[cell] ?? 0))
    this.#lowerSinceMs[cell] = Number.NaN
  }

  #rest(cell: number): void {
    this.level[cell] = 0
    this.onsetMs[cell] = Number.NaN
    this.#clearSinceMs[cell] = Number.NaN
    this.#lowerSinceMs[cell] = Number.NaN
  }

  /** Undefined for a cell at rest that is not blind: there is nothing to keep. */
  state(cell: number): CellState | undefined {
    if (this.isAtRest(cell) && this.blind[cell] === 0) return undefined
    return {
      level: this.level[cell] ?? 0,
      since: [...this.#since.subarray(cell * 4, cell * 4 + 4)],
      onsetMs: this.onsetMs[cell] ?? Number.NaN,
      clearSinceMs: this.#clearSinceMs[cell] ?? Number.NaN,
      lowerSinceMs: this.#lowerSinceMs[cell] ?? Number.NaN,
      lowerRank: this.#lowerRank[cell] ?? 0,
      blind: this.blind[cell] === 1,
    }
  }

  restore(cell: number, state: CellState): void {
    this.level[cell] = state.level
    this.#since.set(state.since.slice(0, 4), cell * 4)
    this.onsetMs[cell] = state.onsetMs
    this.#clearSinceMs[cell] = state.clearSinceMs
    this.#lowerSinceMs[cell] = state.lowerSinceMs
    this.#lowerRank[cell] = state.lowerRank
    this.blind[cell] = state.blind ? 1 : 0
    this.#busy[cell] = 1
  }
}

function keepOr(kept: number | undefined, otherwise: number): number {
  return kept === undefined || Number.isNaN(kept) ? otherwise : kept
}
