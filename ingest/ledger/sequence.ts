/**
 * The numbers that a gateway gives its batches: which are missing, which came late after all, which came twice. Pure.
 */

/** Missing numbers `from` to `to`, and the hour in which their absence was noticed (UTC ms). */
export interface MissingRun {
  readonly from: number
  readonly to: number
  readonly hourMs: number
}

export interface Sequence {
  /** The highest number that came; undefined before the first. */
  readonly last: number | undefined
  /** Oldest first, at most `runsAtMost`. */
  readonly missing: readonly MissingRun[]
}

export const noSequence: Sequence = { last: undefined, missing: [] }

/** What one number means: batches found missing (or, below zero, found after all) in which hour, and if it is a repeat. */
export interface SequenceNews {
  readonly sequence: Sequence
  readonly missing: { readonly batches: number; readonly hourMs: number } | undefined
  readonly isRepeat: boolean
}

const runsAtMost = 64
/** A number so far from the last one is no gap and no repeat: the gateway counts anew. */
const countsAnewBeyond = 10_000

/** What a batch number says: the next one, a gap behind the last, a late one, or one that was there before. */
export function noteSequence(before: Sequence, number: number, hourMs: number): SequenceNews {
  const { last, missing } = before
  const anew = last === undefined || Math.abs(number - last) > countsAnewBeyond
  if (anew) return { sequence: { last: number, missing: [] }, missing: undefined, isRepeat: false }
  if (number === last + 1) return { sequence: { last: number, missing }, missing: undefined, isRepeat: false }
  if (number > last) {
    const run = { from: last + 1, to: number - 1, hourMs }
    const sequence = { last: number, missing: [...missing, run].slice(-runsAtMost) }
    return { sequence, missing: { batches: number - last - 1, hourMs }, isRepeat: false }
  }
  const run = missing.find(({ from, to }) => number >= from && number <= to)
  if (run === undefined) return { sequence: before, missing: undefined, isRepeat: true }
  const rest = missing.flatMap(one => (one === run ? without(run, number) : [one]))
  return { sequence: { last, missing: rest }, missing: { batches: -1, hourMs: run.hourMs }, isRepeat: false }
}

function without({ from, to, hourMs }: MissingRun, number: number): MissingRun[] {
  const halves = [
    { from, to: number - 1, hourMs },
    { from: number + 1, to, hourMs },
  ]
  return halves.filter(half => half.from <= half.to)
}
