/**
 * Finding the newest reading of every sensor again at start: from what was written down when the last block was
 * settled, and the rows that came since. Takes as long as one block, however much is kept.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { numbers } from './duck.ts'
import type { Newest } from './newest.ts'

/** Fills `newest` from the tables. */
export async function loadNewest(connection: DuckDBConnection, newest: Newest): Promise<void> {
  const columns = 'k::DOUBLE, t::DOUBLE, lag::DOUBLE, v, q::DOUBLE'
  note(newest, await numbers(connection, `SELECT ${columns} FROM newest`))
  // Fresh rows of one sensor never repeat a time, so the one with the highest time is the newest.
  const newestFresh = 'SELECT k, max(t) AS t, arg_max(lag, t) AS lag, arg_max(v, t) AS v, arg_max(q, t) AS q FROM fresh'
  note(newest, await numbers(connection, `SELECT ${columns} FROM (${newestFresh} GROUP BY k)`))
  // In the order they were written, so that the last of two with the same time counts.
  note(newest, await numbers(connection, `SELECT ${columns} FROM late ORDER BY rowid`))
}

const width = 5

function note(newest: Newest, rows: Float64Array): void {
  for (let at = 0; at < rows.length; at += width) {
    const k = rows[at] ?? 0
    const atMs = rows[at + 1] ?? 0
    if (atMs < (newest.atMs[k] ?? Number.POSITIVE_INFINITY)) continue
    newest.atMs[k] = atMs
    newest.lagMs[k] = rows[at + 2] ?? 0
    newest.value[k] = rows[at + 3] ?? Number.NaN
    newest.quality[k] = rows[at + 4] ?? 0
  }
}
