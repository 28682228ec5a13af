/**
 * The tables of the embedded store, and which of them a time range touches.
 *
 *   sensor    key ↔ id: keys never change, so the registry may be reordered between two starts
 *   fresh     rows surely new, as they came; never two with the same sensor and time
 *   late      rows that may repeat or overwrite a kept one, in the order they came (rowid)
 *   day_<n>   settled rows of UTC day n (days since 1970), sorted by sensor and time in blocks, no two alike
 *   day       which day tables there are
 *   newest    the newest row of each sensor when `fresh` was last settled
 *   hourly    what is left of deleted readings; an hour may have several rows, which add up
 *
 * A table for each day: old days go with DROP TABLE instead of a billion row deletions, and a checkpoint does not
 * rewrite the bookkeeping of last year.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { numbers, run, texts } from './duck.ts'
import type { WholeRange } from './whole-range.ts'

export const dayMs = 86_400_000
export const hourMs = 3_600_000
/** Counts up when the tables change, so that an older program refuses instead of damaging them. */
export const layoutVersion = 1

const rowColumns = '(k UINTEGER, t BIGINT, lag BIGINT, v DOUBLE, q UTINYINT)'

/** Makes the tables that are missing. */
export async function makeTables(connection: DuckDBConnection): Promise<void> {
  await run(
    connection,
    'CREATE TABLE IF NOT EXISTS layout (version INTEGER)',
    `INSERT INTO layout SELECT ${layoutVersion} WHERE NOT EXISTS (FROM layout)`,
    'CREATE TABLE IF NOT EXISTS sensor (key UINTEGER, id VARCHAR)',
    `CREATE TABLE IF NOT EXISTS fresh ${rowColumns}`,
    `CREATE TABLE IF NOT EXISTS late ${rowColumns}`,
    `CREATE TABLE IF NOT EXISTS newest ${rowColumns}`,
    'CREATE TABLE IF NOT EXISTS day (n INTEGER)',
    `CREATE TABLE IF NOT EXISTS hourly
       (k UINTEGER, hour INTEGER, readings BIGINT, valued BIGINT, low DOUBLE, mean DOUBLE, high DOUBLE, q UTINYINT)`,
  )
}

/** An empty table in place of `fresh` or `late`. */
export async function emptyTable(connection: DuckDBConnection, table: 'fresh' | 'late' | 'newest'): Promise<void> {
  await run(connection, `DROP TABLE ${table}`, `CREATE TABLE ${table} ${rowColumns}`)
}

/** Makes the table of a day, unless it is there. */
export async function makeDay(connection: DuckDBConnection, day: number): Promise<void> {
  await run(
    connection,
    `CREATE TABLE IF NOT EXISTS ${dayTable(day)} ${rowColumns}`,
    `INSERT INTO day SELECT ${day} WHERE NOT EXISTS (FROM day WHERE n = ${day})`,
  )
}

/** A day is gone from the tables and from the list of days. */
export async function dropDay(connection: DuckDBConnection, day: number): Promise<void> {
  await run(connection, `DROP TABLE ${dayTable(day)}`, `DELETE FROM day WHERE n = ${day}`)
}

/** Days before 1970 have a negative number; a minus sign is no part of a table's name. */
export function dayTable(day: number): string {
  return day < 0 ? `day_b${-day}` : `day_${day}`
}

/** The UTC day that a time lies in. */
export function dayOf(atMs: number): number {
  return Math.floor(atMs / dayMs)
}

/** The days with settled rows that a range touches, oldest first. */
export async function daysWithin(connection: DuckDBConnection, { from, to }: WholeRange): Promise<number[]> {
  const sql = `SELECT n::DOUBLE FROM day WHERE n >= ${dayOf(from)} AND n <= ${dayOf(to)} ORDER BY n`
  return Array.from(await numbers(connection, sql))
}

/** `t` lies in the range. */
export function within({ from, to }: WholeRange): string {
  return `t >= ${from} AND t < ${to}`
}

/** The key for each of these ids, in their order; ids that are new get the next keys. */
export async function keysOf(connection: DuckDBConnection, ids: readonly string[]): Promise<Uint32Array<ArrayBuffer>> {
  // Keys count from 0 without a gap, so the place in this list is the key.
  const known = new Map((await texts(connection, 'SELECT id FROM sensor ORDER BY key')).map((id, key) => [id, key]))
  const keys = new Uint32Array(ids.length)
  const added: { id: string; key: number }[] = []
  for (const [index, id] of ids.entries()) {
    const key = known.get(id) ?? known.size
    if (!known.has(id)) added.push({ id, key })
    known.set(id, key)
    keys[index] = key
  }
  await addSensors(connection, added)
  return keys
}

async function addSensors(
  connection: DuckDBConnection,
  sensors: readonly { id: string; key: number }[],
): Promise<void> {
  if (sensors.length === 0) return
  const appender = await connection.createAppender('sensor')
  for (const { id, key } of sensors) {
    appender.appendUInteger(key)
    appender.appendVarchar(id)
    appender.endRow()
  }
  appender.closeSync()
}
