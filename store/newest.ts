/**
 * The newest reading of every sensor, in typed arrays, by the store's key. It answers `latest` without touching
 * the disk, and it is what makes one row per sensor and time cheap: a reading strictly newer than everything known
 * of its sensor cannot be a repeat, so only the others have to be looked up.
 */
import { int64At, makeColumns, putInt64, type ReadingColumns, wordsOf } from './columns.ts'

export interface Newest {
  /** Measured time, UTC ms; -Infinity for a sensor that never spoke. */
  readonly atMs: Float64Array<ArrayBuffer>
  readonly lagMs: Float64Array<ArrayBuffer>
  readonly value: Float64Array<ArrayBuffer>
  readonly quality: Uint8Array<ArrayBuffer>
}

/** No sensor spoke yet; keys run from 0 to `keys` - 1. */
export function emptyNewest(keys: number): Newest {
  return {
    atMs: new Float64Array(keys).fill(Number.NEGATIVE_INFINITY),
    lagMs: new Float64Array(keys),
    value: new Float64Array(keys),
    quality: new Uint8Array(keys),
  }
}

/** Which rows of a block surely are new (`sure`), and which may repeat or overwrite one that is kept (`unsure`). */
export interface Sorted {
  readonly sure: ReadingColumns
  readonly unsure: ReadingColumns
}

/**
 * Takes a block in, in order, and tells sure rows from unsure ones. The newest readings move on at once: should
 * the block then fail to be written, its repeat is unsure throughout, which costs time and nothing else.
 */
export function takeIn(newest: Newest, columns: ReadingColumns): Sorted {
  const unsureRows = noteRows(newest, columns)
  if (unsureRows.length === 0) return { sure: columns, unsure: makeColumns(0) }
  const isUnsure = new Uint8Array(columns.key.length)
  for (const row of unsureRows) isUnsure[row] = 1
  const sureRows = Array.from(isUnsure.keys()).filter(row => isUnsure[row] === 0)
  return { sure: pick(columns, sureRows), unsure: pick(columns, unsureRows) }
}

/** Rows not strictly newer than their sensor's newest reading. */
function noteRows(newest: Newest, columns: ReadingColumns): number[] {
  const { key, value, quality } = columns
  const atWords = wordsOf(columns.at)
  const lagWords = wordsOf(columns.lag)
  const unsure: number[] = []
  for (let row = 0; row < key.length; row++) {
    const k = key[row] ?? 0
    const atMs = int64At(atWords, row)
    const knownMs = newest.atMs[k] ?? Number.POSITIVE_INFINITY
    if (atMs <= knownMs) unsure.push(row)
    if (atMs < knownMs) continue
    newest.atMs[k] = atMs
    newest.lagMs[k] = int64At(lagWords, row)
    newest.value[k] = value[row] ?? Number.NaN
    newest.quality[k] = quality[row] ?? 0
  }
  return unsure
}

/** Forgets sensors whose newest reading was measured before `olderThanMs`: it was deleted, and all before it. */
export function forgetBefore(newest: Newest, olderThanMs: number): void {
  for (let k = 0; k < newest.atMs.length; k++) {
    if ((newest.atMs[k] ?? 0) < olderThanMs) newest.atMs[k] = Number.NEGATIVE_INFINITY
  }
}

/** The sensors that spoke, as columns: what is written down so that the next start need not look for it. */
export function newestColumns(newest: Newest): ReadingColumns {
  const keys = Array.from(newest.atMs.keys()).filter(k => newest.atMs[k] !== Number.NEGATIVE_INFINITY)
  const columns = makeColumns(keys.length)
  const atWords = wordsOf(columns.at)
  const lagWords = wordsOf(columns.lag)
  for (const [row, k] of keys.entries()) {
    columns.key[row] = k
    putInt64(atWords, row, newest.atMs[k] ?? 0)
    putInt64(lagWords, row, newest.lagMs[k] ?? 0)
    columns.value[row] = newest.value[k] ?? Number.NaN
    columns.quality[row] = newest.quality[k] ?? 0
  }
  return columns
}

function pick(columns: ReadingColumns, rows: readonly number[]): ReadingColumns {
  const picked = makeColumns(rows.length)
  for (const [to, from] of rows.entries()) {
    picked.key[to] = columns.key[from] ?? 0
    picked.at[to] = columns.at[from] ?? 0n
    picked.lag[to] = columns.lag[from] ?? 0n
    picked.value[to] = columns.value[from] ?? Number.NaN
    picked.quality[to] = columns.quality[from] ?? 0
  }
  return picked
}
