/**
 * Readings that came too late to count in order, watched on their own: when they show by themselves that a level
 * held long enough, a warning looks back. Few at any time, so a map will do.
 */
import type { Condition } from '@forewarn/contracts/level'
import { levelOfRank, type Rank } from './cells.ts'

interface Run {
  sinceMs: number
  lastMs: number
  rank: Rank
}

const mostRuns = 10_000

export class LateRuns {
  readonly #runs = new Map<number, Run>()

  /** Takes a late verdict of a cell. Returns the run once it has held for long enough, and forgets it. */
  take(
    cell: number,
    { rank, atMs, holdMs }: { rank: Rank; atMs: number; holdMs: number },
  ): { condition: Condition; sinceMs: number } | undefined {
    const run = this.#runs.get(cell)
    if (rank === 0 || (run !== undefined && atMs < run.lastMs)) {
      this.#runs.delete(cell)
      if (rank === 0) return undefined
    }
    const kept = this.#runs.get(cell) ?? { sinceMs: atMs, lastMs: atMs, rank }
    kept.lastMs = atMs
    kept.rank = Math.min(kept.rank, rank)
    if (this.#runs.size < mostRuns) this.#runs.set(cell, kept)
    if (atMs - kept.sinceMs < holdMs) return undefined
    this.#runs.delete(cell)
    return { condition: levelOfRank(kept.rank), sinceMs: kept.sinceMs }
  }
}
