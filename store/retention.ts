/**
 * Letting old readings go, and keeping their hourly figures. Whole days go with their table. Each day is one
 * transaction: after a crash in between, a repeat goes on where it stopped.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { inTransaction, run } from './duck.ts'
import { dayMs, daysWithin, dayTable, dropDay, hourMs } from './tables.ts'

/** Deletes settled readings before `beforeMs`, a whole hour. Nothing before it may be unsettled. */
export async function deleteBefore(connection: DuckDBConnection, beforeMs: number): Promise<void> {
  const days = await daysWithin(connection, { from: Number.MIN_SAFE_INTEGER, to: beforeMs - 1 })
  for (const day of days) {
    await inTransaction(connection, async () => {
      await keepHourly(connection, { table: dayTable(day), beforeMs })
      if ((day + 1) * dayMs <= beforeMs) await dropDay(connection, day)
      else await run(connection, `DELETE FROM ${dayTable(day)} WHERE t < ${beforeMs}`)
    })
  }
}

async function keepHourly(
  connection: DuckDBConnection,
  { table, beforeMs }: { table: string; beforeMs: number },
): Promise<void> {
  const hasValue = 'FILTER (NOT isnan(v))'
  const orNone = (figure: string) => `coalesce(${figure} ${hasValue}, 'nan'::DOUBLE)`
  await run(
    connection,
    `INSERT INTO hourly
       SELECT k, floor(t / ${hourMs})::INTEGER AS hour, count(*), count(*) ${hasValue},
         ${orNone('min(v)')}, ${orNone('avg(v)')}, ${orNone('max(v)')}, max(q & 15)
       FROM ${table} WHERE t < ${beforeMs} GROUP BY k, hour ORDER BY k, hour`,
  )
}
