/**
 * What the embedded store can be asked. Every query sees one moment of the database: the caller opens a
 * transaction, so that a block settling meanwhile is seen before or after it moved, never neither.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { numbers, oneNumber } from './duck.ts'
import { daysWithin, dayTable, hourMs, within } from './tables.ts'
import type { WholeRange } from './whole-range.ts'

export interface SeriesQuery extends WholeRange {
  readonly key: number
  readonly maxPoints: number | undefined
}

/** One sensor's points in time order, six numbers each (time, min, mean, max, count, quality); bucketed when there are more than `maxPoints`. */
export async function series(connection: DuckDBConnection, query: SeriesQuery): Promise<Float64Array<ArrayBuffer>> {
  const source = await seriesSource(connection, query)
  const { maxPoints, from, to } = query
  if (maxPoints !== undefined) {
    const there = await oneNumber(connection, `SELECT count(*)::DOUBLE FROM (${source})`)
    if (there > maxPoints) return await numbers(connection, bucketed(source, { from, to, buckets: maxPoints }))
  }
  return await numbers(
    connection,
    `SELECT t::DOUBLE, low, mean, high, readings::DOUBLE, q::DOUBLE FROM (${source}) ORDER BY t`,
  )
}

/** SQL for all rows of one sensor in the range, in the form (t, readings, valued, low, mean, high, q). */
async function seriesSource(connection: DuckDBConnection, { key, from, to }: SeriesQuery): Promise<string> {
  const mine = `k = ${key} AND ${within({ from, to })}`
  const tables = [...(await daysWithin(connection, { from, to })).map(dayTable), 'fresh']
  const kept = tables.map(table => `SELECT t, v, q FROM ${table} WHERE ${mine}`).join(' UNION ALL ')
  const late = `SELECT t, arg_max(v, rowid) AS v, arg_max(q, rowid) AS q FROM late WHERE ${mine} GROUP BY t`
  return `
    WITH late_last AS (${late}), exact AS (
      SELECT t, v, q FROM (${kept}) ANTI JOIN late_last USING (t) UNION ALL SELECT t, v, q FROM late_last)
    SELECT t, 1 AS readings, (NOT isnan(v))::INTEGER AS valued, v AS low, v AS mean, v AS high, q FROM exact
    UNION ALL ${hourlySource(key, { from, to })}`
}

function hourlySource(key: number, { from, to }: WholeRange): string {
  const t = `hour::BIGINT * ${hourMs}`
  return `
    SELECT ${t} AS t, sum(readings), sum(valued), ${valuedOnly('min', 'low')}, ${weightedMean}, ${valuedOnly('max', 'high')},
      max(q) FROM hourly
    WHERE k = ${key} AND ${t} >= ${from} AND ${t} < ${to} GROUP BY hour`
}

/** DuckDB takes NaN for the greatest number; here it means that there was no value. */
function valuedOnly(aggregate: 'min' | 'max', column: string): string {
  return `coalesce(${aggregate}(${column}) FILTER (valued > 0), 'nan'::DOUBLE)`
}

const weightedMean = `coalesce(sum(mean * valued) FILTER (valued > 0) / sum(valued), 'nan'::DOUBLE)`

function bucketed(source: string, { from, to, buckets }: WholeRange & { buckets: number }): string {
  const widthMs = Math.max(1, Math.ceil((to - from) / buckets))
  const start = `${from} + ((t - ${from}) // ${widthMs}) * ${widthMs}`
  return `
    SELECT (${start})::DOUBLE AS bucket, ${valuedOnly('min', 'low')}, ${weightedMean}, ${valuedOnly('max', 'high')},
      sum(readings)::DOUBLE, max(q & 15)::DOUBLE FROM (${source}) GROUP BY bucket ORDER BY bucket`
}

/** How many readings are kept in the range. `late` must be empty: its rows may repeat others. */
export async function countRows(connection: DuckDBConnection, range: WholeRange): Promise<number> {
  const tables = [...(await daysWithin(connection, range)).map(dayTable), 'fresh']
  const counts = tables.map(table => `SELECT count(*) AS n FROM ${table} WHERE ${within(range)}`)
  return await oneNumber(connection, `SELECT sum(n)::DOUBLE FROM (${counts.join(' UNION ALL ')})`)
}
