/** What the InfluxDB store is asked, as InfluxQL, and the answers as readings. */

import type { LatestReading, SeriesPoint, TimeRange } from '../reading-store.ts'
import { type InfluxClient, type InfluxSeries } from './client.ts'
import { measurement, quoted } from './lines.ts'

/** InfluxDB counts in ns of int64: 1677 to 2262. */
const timeLimitMs = 9_223_372_036_000

function whole(ms: number): number {
  return Math.ceil(Math.min(timeLimitMs, Math.max(-timeLimitMs, ms)))
}

function within({ fromMs, toMs }: TimeRange): string {
  return `time >= ${whole(fromMs)}ms AND time < ${whole(toMs)}ms`
}

/** Sensors named in one query. */
const namedTagsMax = 500
/** Beyond this many, asking for all and leaving the others out is quicker. */
const namedQueriesMax = 10

/** The newest readings, of these tags or of all. */
export async function latestReadings(
  client: InfluxClient,
  { tags, sensorOfTag }: { tags: readonly string[] | undefined; sensorOfTag: ReadonlyMap<string, number> },
): Promise<LatestReading[]> {
  if (tags === undefined) return await newestWhere(client, '', sensorOfTag)
  if (tags.length > namedTagsMax * namedQueriesMax) {
    const wanted = new Map(tags.map(tag => [tag, sensorOfTag.get(tag) ?? -1]))
    return await newestWhere(client, '', wanted)
  }
  const readings: LatestReading[] = []
  for (let from = 0; from < tags.length; from += namedTagsMax) {
    const named = tags.slice(from, from + namedTagsMax).map(tag => `s = ${quoted(tag)}`)
    readings.push(...(await newestWhere(client, `WHERE ${named.join(' OR ')}`, sensorOfTag)))
  }
  return readings
}

async function newestWhere(
  client: InfluxClient,
  where: string,
  sensorOfTag: ReadonlyMap<string, number>,
): Promise<LatestReading[]> {
  // Every reading has a field r, and may have no v: last(v) would skip the readings without a value.
  const series = await client.influxql(`SELECT last(r) AS r, v, q FROM ${measurement} ${where} GROUP BY s`)
  return series.flatMap(one => {
    const sensor = sensorOfTag.get(one.tags['s'] ?? '')
    if (sensor === undefined) return []
    return rowsOf(one).map(({ time, r, v, q }) => ({
      sensor,
      measuredAtMs: numberIn(time),
      receivedAtMs: numberIn(r),
      value: numberIn(v),
      quality: numberIn(q),
    }))
  })
}

interface TagRequest extends TimeRange {
  readonly tag: string
  readonly maxPoints?: number
}

/** One sensor's readings in time order, in buckets when there are more than `maxPoints`. */
export async function seriesPoints(client: InfluxClient, request: TagRequest): Promise<SeriesPoint[]> {
  const where = `s = ${quoted(request.tag)} AND ${within(request)}`
  const { maxPoints } = request
  if (maxPoints !== undefined) {
    const series = await client.influxql(`SELECT count(r) FROM ${measurement} WHERE ${where}`)
    if (firstCount(series) > maxPoints) return await buckets(client, { ...request, where, maxPoints })
  }
  const series = await client.influxql(`SELECT v, q FROM ${measurement} WHERE ${where}`)
  return series.flatMap(rowsOf).map(({ time, v, q }) => {
    const value = numberIn(v)
    return { atMs: numberIn(time), min: value, mean: value, max: value, count: 1, quality: numberIn(q) }
  })
}

async function buckets(
  client: InfluxClient,
  request: TagRequest & { where: string; maxPoints: number },
): Promise<SeriesPoint[]> {
  const { maxPoints, where } = request
  // A bucket may be no longer than int64 ns, half of the time there is.
  const from = Math.max(whole(request.fromMs), -timeLimitMs / 2)
  const to = Math.min(whole(request.toMs), timeLimitMs / 2)
  const widthMs = Math.max(1, Math.ceil((to - from) / maxPoints))
  // Buckets of InfluxQL count from 1970; the offset makes the first one begin where the range does.
  const offsetMs = ((from % widthMs) + widthMs) % widthMs
  const series = await client.influxql(`
    SELECT min(v) AS low, mean(v) AS mean, max(v) AS high, count(r) AS readings, max(c) AS code
    FROM (SELECT v, r, q & 15 AS c FROM ${measurement} WHERE ${where})
    WHERE ${within(request)} GROUP BY time(${widthMs}ms, ${offsetMs}ms) fill(none)`)
  return series
    .flatMap(rowsOf)
    .map(({ time, low, mean, high, readings, code }) => ({
      atMs: numberIn(time),
      min: numberIn(low),
      mean: numberIn(mean),
      max: numberIn(high),
      count: numberIn(readings),
      quality: numberIn(code),
    }))
    .filter(point => point.count > 0)
}

/** How many readings are kept. */
export async function countReadings(client: InfluxClient, range: TimeRange | undefined): Promise<number> {
  const where = range === undefined ? '' : `WHERE ${within(range)}`
  return firstCount(await client.influxql(`SELECT count(r) FROM ${measurement} ${where}`))
}

function firstCount(series: readonly InfluxSeries[]): number {
  const count = series[0]?.values[0]?.[1]
  return typeof count === 'number' ? count : 0
}

function rowsOf({ columns, values }: InfluxSeries): Record<string, unknown>[] {
  return values.map(row => Object.fromEntries(columns.map((column, index) => [column, row[index]])))
}

/** NaN for a field that a reading does not have. */
function numberIn(field: unknown): number {
  return typeof field === 'number' ? field : Number.NaN
}
