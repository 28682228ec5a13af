/**
 * Everything that is kept of some sensors in a time, into one file. Sensor by sensor and slice by slice: memory stays
 * flat whatever the file becomes.
 */
import { open, rm } from 'node:fs/promises'
import { csvHeader, csvLineOf, type ExportFormat, lineOf } from './export-rows.ts'
import { csvToParquet } from './parquet.ts'
import type { SeriesPoint, SeriesRequest, TimeRange } from './reading-store.ts'

export interface ExportedSensor {
  /** Index in `District.sensors`. */
  readonly index: number
  readonly id: string
  readonly periodS: number
}

export interface ExportOptions {
  /** A store's `range`, or a running house asked for the same. */
  readonly range: (request: SeriesRequest) => Promise<readonly SeriesPoint[]>
  readonly sensors: readonly ExportedSensor[]
  readonly time: TimeRange
  readonly format: ExportFormat
  /** The file to write; it must not exist. */
  readonly out: string
}

/** Readings asked for at a time; hourly figures and real-time sensors alike fit some megabytes then. */
const pointsAtOnce = 20_000
const dayMs = 86_400_000

/** Writes the file and resolves with the number of points in it. A file begun in vain is removed. */
export async function exportReadings(options: ExportOptions): Promise<number> {
  const { format, out } = options
  const file = await open(out, 'wx', 0o600)
  await file.close()
  const text = format === 'parquet' ? `${out}.csv.part` : out
  try {
    const points = await writeText(options, text)
    if (format === 'parquet') await csvToParquet({ csv: text, parquet: out })
    return points
  } catch (cause) {
    await rm(out, { force: true })
    throw new Error(`export to ${out}`, { cause })
  } finally {
    if (text !== out) await rm(text, { force: true })
  }
}

async function writeText({ range, sensors, time, format }: ExportOptions, path: string): Promise<number> {
  const lineFor = format === 'line-protocol' ? lineOf : csvLineOf
  const handle = await open(path, 'w', 0o600)
  let points = 0
  try {
    if (format !== 'line-protocol') await handle.write(`${csvHeader}\n`)
    for await (const { id, found } of pieces({ range, sensors, time })) {
      points += found.length
      if (found.length > 0) await handle.write(`${found.map(point => lineFor(id, point)).join('\n')}\n`)
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
  return points
}

interface Piece {
  readonly id: string
  readonly found: readonly SeriesPoint[]
}

/** Questions under way at a time: most of an answer's time is spent on its way. */
const askedAhead = 4

/** What is found, sensor by sensor and slice by slice, in order. */
async function* pieces({
  range,
  sensors,
  time,
}: Pick<ExportOptions, 'range' | 'sensors' | 'time'>): AsyncGenerator<Piece> {
  const underWay: Promise<Piece>[] = []
  for (const { index, id, periodS } of sensors)
    for (const slice of slicesOf(time, periodS)) {
      const asked = range({ sensor: index, ...slice }).then(found => ({ id, found }))
      // Whoever takes it out hears of its failure; one that nobody takes out any more must not end the process.
      asked.catch(() => undefined)
      underWay.push(asked)
      const first = underWay.length >= askedAhead ? underWay.shift() : undefined
      if (first !== undefined) yield await first
    }
  for (const asked of underWay) yield await asked
}

/** Pieces of a time in which a sensor says no more than can be held at once, whole days long. */
export function* slicesOf({ fromMs, toMs }: TimeRange, periodS: number): Generator<TimeRange> {
  const days = Math.max(1, Math.floor((pointsAtOnce * periodS * 1000) / dayMs))
  for (let at = fromMs; at < toMs; at += days * dayMs) yield { fromMs: at, toMs: Math.min(toMs, at + days * dayMs) }
}
