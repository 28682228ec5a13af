/**
 * Settling: rows that came in move to their day's table, sorted by sensor and time, each sensor and time once.
 * Sure rows need no look at what is kept; late ones take the place of the row they repeat.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { appendColumns, numbers, run } from './duck.ts'
import { type Newest, newestColumns } from './newest.ts'
import { dayMs, dayTable, emptyTable, makeDay, within } from './tables.ts'

const rows = 'k, t, lag, v, q'

/** Settles all of `fresh` and `late` and writes down the newest rows. Within a transaction. */
export async function settle(
  connection: DuckDBConnection,
  { newest, anyLate }: { newest: Newest; anyLate: boolean },
): Promise<void> {
  if (anyLate) await lastOfEach(connection)
  for (const day of await daysToSettle(connection)) await settleDay(connection, day, anyLate)
  if (anyLate) await run(connection, 'DROP TABLE late_last')
  await emptyTable(connection, 'fresh')
  await emptyTable(connection, 'late')
  await saveNewest(connection, newest)
}

/** Writes the newest rows down, in place of those written before. Within a transaction. */
export async function saveNewest(connection: DuckDBConnection, newest: Newest): Promise<void> {
  await emptyTable(connection, 'newest')
  await appendColumns(connection, 'newest', newestColumns(newest))
}

/** Of late rows with the same sensor and time the last one written counts. */
async function lastOfEach(connection: DuckDBConnection): Promise<void> {
  await run(
    connection,
    `CREATE TEMP TABLE late_last AS
       SELECT k, t, arg_max(lag, rowid) AS lag, arg_max(v, rowid) AS v, arg_max(q, rowid) AS q FROM late GROUP BY k, t`,
  )
}

async function daysToSettle(connection: DuckDBConnection): Promise<number[]> {
  const sql = `SELECT DISTINCT floor(t / ${dayMs})::DOUBLE AS n FROM (SELECT t FROM fresh UNION ALL SELECT t FROM late)
               ORDER BY n`
  return Array.from(await numbers(connection, sql))
}

async function settleDay(connection: DuckDBConnection, day: number, anyLate: boolean): Promise<void> {
  const inDay = within({ from: day * dayMs, to: (day + 1) * dayMs })
  await makeDay(connection, day)
  if (!anyLate) {
    await run(connection, `INSERT INTO ${dayTable(day)} SELECT ${rows} FROM fresh WHERE ${inDay} ORDER BY k, t`)
    return
  }
  await run(
    connection,
    // A late row was always written after the row it repeats: that one was newer than all before it when it came.
    `DELETE FROM ${dayTable(day)} USING late_last
       WHERE ${dayTable(day)}.k = late_last.k AND ${dayTable(day)}.t = late_last.t`,
    `INSERT INTO ${dayTable(day)} SELECT ${rows} FROM (
       SELECT ${rows} FROM fresh ANTI JOIN late_last USING (k, t) WHERE ${inDay}
       UNION ALL SELECT ${rows} FROM late_last WHERE ${inDay}) ORDER BY k, t`,
  )
}
