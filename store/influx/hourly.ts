/**
 * Hourly figures of readings that InfluxDB is to forget: count, minimum, mean and maximum, each hour once whatever
 * restarts. Every run has a number, and its points carry it: a run that was cut off is done again under the same
 * number and overwrites itself, while late readings of the same hour come with a later one and add up.
 *
 *   reading_hourly,s=<sensor>,p=<run> n=<readings>i,m=<with a value>i,q=<code>i[,min=,mean=,max=] <hour, ms>
 *   reading_retain run=<number>i,phase=<1 counting, 2 deleting, 3 done>i <cutoff, ms>
 */

import { hourlyMeasurement } from '../export-rows.ts'
import type { SeriesPoint, TimeRange } from '../reading-store.ts'
import { type InfluxClient, type InfluxSeries, type Lane } from './client.ts'
import { measurement, quoted } from './lines.ts'

const hourMs = 3_600_000
const marker = 'reading_retain'
const phases = { counting: 1, deleting: 2, done: 3 } as const

interface Run {
  readonly cutoffMs: number
  readonly number: number
  readonly phase: number
}

export interface HourlyFigures {
  /** Keeps hourly figures of everything before `cutoffMs` (a whole hour) and lets `remove` delete the readings. */
  keep(cutoffMs: number, remove: (cutoffMs: number) => Promise<void>): Promise<void>
  /** One sensor's hours in the range, in order; none when nothing was ever deleted there. */
  points(tag: string, range: TimeRange): Promise<SeriesPoint[]>
}

/** InfluxDB 1.x and 2.x. What 3.x forgets it forgets by itself, and nobody is told before. */
export function hourlyFigures(client: InfluxClient): HourlyFigures {
  let untilMs: Promise<number> | undefined
  return {
    async keep(cutoffMs, remove) {
      const last = await lastRun(client)
      if (last !== undefined && last.phase !== phases.done) await finish(client, last, remove)
      if ((await firstReadingMs(client, { fromMs: 0, toMs: cutoffMs })) === undefined) return await remove(cutoffMs)
      await finish(client, { cutoffMs, number: (last?.number ?? 0) + 1, phase: phases.counting }, remove)
      untilMs = undefined
    },
    async points(tag, range) {
      untilMs ??= lastRun(client).then(run => run?.cutoffMs ?? Number.NEGATIVE_INFINITY)
      const knownUntilMs = await untilMs.catch((error: unknown) => {
        untilMs = undefined
        throw error
      })
      return range.fromMs < knownUntilMs ? await hoursOf(client, tag, range) : []
    },
  }
}

async function finish(client: InfluxClient, run: Run, remove: (cutoffMs: number) => Promise<void>): Promise<void> {
  const lane = client.openLane()
  try {
    if (run.phase === phases.counting) {
      await note(lane, run, phases.counting)
      await countAll(client, lane, run)
    }
    // From here on nothing is counted again: a deletion that was cut off has left a part, and a part must not count.
    await note(lane, run, phases.deleting)
    await remove(run.cutoffMs)
    await note(lane, run, phases.done)
  } finally {
    await lane.close()
  }
}

async function note(lane: Lane, { cutoffMs, number }: Run, phase: number): Promise<void> {
  await lane.send(`${marker} run=${number}i,phase=${phase}i ${cutoffMs}`)
}

async function lastRun(client: InfluxClient): Promise<Run | undefined> {
  const [series] = await client.influxql(`SELECT last(phase) AS phase, run FROM ${marker}`)
  const row = series === undefined ? undefined : rowsOf(series)[0]
  if (row === undefined) return undefined
  return { cutoffMs: numberIn(row['time']), number: numberIn(row['run']), phase: numberIn(row['phase']) }
}

/** Hour by hour, from one that has readings to the next: memory holds one hour of all sensors. */
async function countAll(client: InfluxClient, lane: Lane, { cutoffMs, number }: Run): Promise<void> {
  let atMs = await firstReadingMs(client, { fromMs: 0, toMs: cutoffMs })
  while (atMs !== undefined) {
    const startMs = Math.floor(atMs / hourMs) * hourMs
    const lines = await linesOfHour(client, startMs, number)
    for (let from = 0; from < lines.length; from += 20_000) await lane.send(lines.slice(from, from + 20_000).join('\n'))
    atMs = await firstReadingMs(client, { fromMs: startMs + hourMs, toMs: cutoffMs })
  }
}

async function firstReadingMs(client: InfluxClient, { fromMs, toMs }: TimeRange): Promise<number | undefined> {
  const where = `time < ${toMs}ms${fromMs === 0 ? '' : ` AND time >= ${fromMs}ms`}`
  const [series] = await client.influxql(`SELECT first(r) AS r FROM ${measurement} WHERE ${where}`)
  const row = series === undefined ? undefined : rowsOf(series)[0]
  return row === undefined ? undefined : numberIn(row['time'])
}

async function linesOfHour(client: InfluxClient, startMs: number, run: number): Promise<string[]> {
  const within = `time >= ${startMs}ms AND time < ${startMs + hourMs}ms`
  const series = await client.influxql(`
    SELECT min(v) AS low, mean(v) AS mean, max(v) AS high, count(v) AS valued, count(r) AS readings, max(c) AS code
    FROM (SELECT v, r, q & 15 AS c FROM ${measurement} WHERE ${within}) WHERE ${within} GROUP BY s`)
  return series.flatMap(one => {
    const [row = {}] = rowsOf(one)
    const tag = (one.tags['s'] ?? '').replace(/[,= ]/g, character => `\\${character}`)
    const figures = { low: numberIn(row['low']), mean: numberIn(row['mean']), high: numberIn(row['high']) }
    const valued = Number.isFinite(figures.mean) ? numberIn(row['valued']) : 0
    const values = valued > 0 ? `,min=${figures.low},mean=${figures.mean},max=${figures.high}` : ''
    const counts = `n=${numberIn(row['readings'])}i,m=${valued}i,q=${numberIn(row['code'])}i`
    return [`${hourlyMeasurement},s=${tag},p=${run} ${counts}${values} ${startMs}`]
  })
}

async function hoursOf(client: InfluxClient, tag: string, { fromMs, toMs }: TimeRange): Promise<SeriesPoint[]> {
  const from = Math.ceil(Math.max(fromMs, 0))
  const series = await client.influxql(
    `SELECT n, m, q, min, mean, max FROM ${hourlyMeasurement} WHERE s = ${quoted(tag)} AND time >= ${from}ms AND time < ${Math.ceil(toMs)}ms`,
  )
  const byHour = Map.groupBy(series.flatMap(rowsOf), row => numberIn(row['time']))
  return [...byHour].sort(([a], [b]) => a - b).map(([atMs, rows]) => ({ ...together(rows.map(partOf)), atMs }))
}

interface Part extends Omit<SeriesPoint, 'atMs'> {
  readonly valued: number
}

function partOf(row: Record<string, unknown>): Part {
  return {
    count: numberIn(row['n']),
    valued: numberIn(row['m']),
    quality: numberIn(row['q']),
    min: numberIn(row['min']),
    mean: numberIn(row['mean']),
    max: numberIn(row['max']),
  }
}

function together(parts: readonly Part[]): Omit<SeriesPoint, 'atMs'> {
  const withValue = parts.filter(({ valued }) => valued > 0)
  const sum = (figure: (part: Part) => number, of = parts) => of.reduce((all, part) => all + figure(part), 0)
  const none = withValue.length === 0
  return {
    min: none ? Number.NaN : Math.min(...withValue.map(({ min }) => min)),
    mean: none
      ? Number.NaN
      : sum(({ mean, valued }) => mean * valued, withValue) / sum(({ valued }) => valued, withValue),
    max: none ? Number.NaN : Math.max(...withValue.map(({ max }) => max)),
    count: sum(({ count }) => count),
    quality: Math.max(...parts.map(({ quality }) => quality)),
  }
}

/** At most `buckets` points of equal width from `fromMs` on, out of points that may stand for many readings each. */
export function bucketed(
  points: readonly SeriesPoint[],
  { fromMs, toMs, buckets }: TimeRange & { buckets: number },
): SeriesPoint[] {
  const widthMs = Math.max(1, Math.ceil((toMs - fromMs) / buckets))
  const bucketOf = ({ atMs }: SeriesPoint) => fromMs + Math.floor((atMs - fromMs) / widthMs) * widthMs
  return [...Map.groupBy(points, bucketOf)].map(([atMs, group]) => ({
    ...together(group.map(point => ({ ...point, valued: Number.isFinite(point.mean) ? point.count : 0 }))),
    atMs,
  }))
}

function rowsOf({ columns, values }: InfluxSeries): Record<string, unknown>[] {
  return values.map(row => Object.fromEntries(columns.map((column, index) => [column, row[index]])))
}

function numberIn(field: unknown): number {
  return typeof field === 'number' ? field : Number.NaN
}
