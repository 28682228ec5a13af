/**
 * Recorded storms: reads the three layouts they come in (`clean`, `sensor`, `observed`; see storms/README.md) and
 * gives them in one shape, in the units of the contracts.
 */
import type { Quantity } from '@forewarn/contracts/quantity'
import { z } from 'zod'
import { linesOf, RecordingError, type RecordingLine } from './recording-file.ts'
import { knownSites } from './shipped-storms.ts'

export type RecordingLayout = 'clean' | 'sensor' | 'observed'

export interface RecordingSite {
  readonly id: string
  readonly kind: 'underpass' | 'low-road'
  /** A manhole sensor sees the whole range, a road sensor nothing below the road. */
  readonly quantity: 'water_depth' | 'manhole_level'
  readonly periodS: number
}

export interface RecordingMessage {
  readonly sensorId: string
  readonly quantity: Quantity
  readonly measuredAtMs: number
  readonly arrivesAtMs: number
  /** Water in m relative to the road, rain in mm of the reporting interval. */
  readonly value: number
}

/** What really happened: the level in m relative to the road, `null` where nobody knows. */
export interface RecordingTruth {
  readonly firstAtMs: number
  readonly stepMs: number
  readonly levelsM: ReadonlyMap<string, readonly (number | null)[]>
}

export interface Recording {
  readonly event: string
  readonly catchment: string
  readonly layout: RecordingLayout
  readonly startMs: number
  readonly endMs: number
  readonly sites: readonly RecordingSite[]
  /** Sensor ids of its rain gauges; none where rain was not recorded. */
  readonly gauges: readonly string[]
  /** In order of arrival. */
  readonly messages: readonly RecordingMessage[]
  readonly truth?: RecordingTruth
}

const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,56}$/, 'letters, digits, dot, dash and underscore only')
const Start = z
  .string()
  .transform(text => Date.parse(text))
  .refine(Number.isFinite, 'no ISO 8601 time')
const Head = z.object({ event: Name })
const Levels = z.object({
  event: Name,
  catchment: Name,
  start: Start,
  step_s: z.number().positive(),
  rain_mm_h: z.array(z.number().nullable()).optional(),
  lvl_mm: z.record(Name, z.array(z.number().nullable())),
})
const Column = z.array(z.number())
const Series = z
  .object({ ts: Column, rx: Column, v: Column })
  .refine(({ ts, rx, v }) => ts.length === v.length && rx.length === v.length, 'ts, rx and v differ in length')
const Sensed = z.object({ event: Name, catchment: Name, start: Start, sensors: z.record(Name, Series) })
type Levels = z.infer<typeof Levels>
type Sensed = z.infer<typeof Sensed>

/**
 * Reads one recording: a file (`.jsonl` or `.jsonl.gz`, one storm a line) or the name of a shipped one
 * (`flat5p-d-056`). Without `event` it is the file's first. Throws RecordingError, which says file, line and what.
 */
export async function readRecording(source: string, { event }: { event?: string } = {}): Promise<Recording> {
  const passed: string[] = []
  for await (const line of linesOf(source)) {
    const head = parse(Head, line)
    if (event === undefined || head.event === event) return recordingOf(line)
    passed.push(head.event)
  }
  if (passed.length === 0) throw new RecordingError('empty', { file: source, what: 'no storm in it' })
  const some = passed.length > 8 ? `${passed.slice(0, 8).join(', ')} and ${passed.length - 8} more` : passed.join(', ')
  throw new RecordingError('no-such-event', { file: source, what: `no event ${event}; it has ${some}` })
}

/** The names of the storms in a file. Throws as `readRecording` does. */
export async function listEvents(source: string): Promise<string[]> {
  const events: string[] = []
  for await (const line of linesOf(source)) events.push(parse(Head, line).event)
  return events
}

function parse<Schema extends z.ZodType>(schema: Schema, { file, number, json }: RecordingLine): z.output<Schema> {
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const what = issue === undefined ? 'not a recording' : `${issue.path.join('.') || 'the line'}: ${issue.message}`
  throw new RecordingError('bad-line', { file, line: number, what })
}

function recordingOf(line: RecordingLine): Recording {
  const { json } = line
  if (typeof json === 'object' && json !== null && 'sensors' in json) return fromSensors(parse(Sensed, line))
  return fromLevels(parse(Levels, line))
}

function fromLevels(line: Levels): Recording {
  const { event, catchment, start: startMs, step_s: stepS, rain_mm_h: rain, lvl_mm: levels } = line
  const stepMs = stepS * 1000
  const atMs = (index: number) => startMs + (index + 1) * stepMs
  const sites = Object.entries(levels).map(([id, column]) => siteOf(id, { lowestM: lowest(column) / 1000, stepS }))
  const gauges = rain === undefined ? [] : [`${catchment}-g1.rain`, `${catchment}-g2.rain`]
  const messages: RecordingMessage[] = []
  const tell = (sensorId: string, quantity: Quantity, index: number, value: number) =>
    messages.push({ sensorId, quantity, measuredAtMs: atMs(index), arrivesAtMs: atMs(index), value })
  for (const gauge of gauges) {
    for (const [index, mmPerHour] of (rain ?? []).entries()) {
      if (mmPerHour !== null) tell(gauge, 'rain', index, rounded(mmPerHour * (stepS / 3600)))
    }
  }
  for (const { id, quantity } of sites) {
    for (const [index, levelMm] of (levels[id] ?? []).entries()) {
      // A road sensor cannot see below the road.
      const seenMm = quantity === 'water_depth' ? Math.max(0, levelMm ?? 0) : (levelMm ?? 0)
      if (levelMm !== null) tell(`${id}.level`, quantity, index, seenMm / 1000)
    }
  }
  const longest = Math.max(rain?.length ?? 0, ...Object.values(levels).map(column => column.length))
  const levelsM = new Map(
    Object.entries(levels).map(([id, column]) => [id, column.map(mm => (mm === null ? null : mm / 1000))]),
  )
  return {
    event,
    catchment,
    layout: rain === undefined ? 'observed' : 'clean',
    startMs,
    endMs: startMs + longest * stepMs,
    sites,
    gauges,
    messages: messages.sort((a, b) => a.arrivesAtMs - b.arrivesAtMs),
    truth: { firstAtMs: atMs(0), stepMs, levelsM },
  }
}

function fromSensors({ event, catchment, start: startMs, sensors }: Sensed): Recording {
  const sites: RecordingSite[] = []
  const gauges: string[] = []
  const messages: RecordingMessage[] = []
  for (const [name, { ts, rx, v }] of Object.entries(sensors)) {
    const stream = streamOf(name, v)
    if (stream === undefined) continue
    if (stream.site === undefined) gauges.push(stream.sensorId)
    else sites.push(stream.site)
    for (const [index, value] of v.entries()) {
      messages.push({
        sensorId: stream.sensorId,
        quantity: stream.site?.quantity ?? 'rain',
        measuredAtMs: startMs + (ts[index] ?? 0),
        arrivesAtMs: startMs + (rx[index] ?? 0),
        value: rounded(value * stream.factor),
      })
    }
  }
  messages.sort((a, b) => a.arrivesAtMs - b.arrivesAtMs)
  const endMs = messages.at(-1)?.arrivesAtMs ?? startMs
  return { event, catchment, layout: 'sensor', startMs, endMs, sites, gauges, messages }
}

interface Stream {
  readonly sensorId: string
  /** To the unit of the contracts. */
  readonly factor: number
  /** Absent for a rain gauge. */
  readonly site?: RecordingSite
}

/** What a column of the `sensor` layout is by its name; undefined for what the house has no use for. */
function streamOf(name: string, values: readonly number[]): Stream | undefined {
  const [, own = '', kind = ''] = /^(.*)\.([a-z_]+)$/.exec(name) ?? []
  if (kind === 'rain_mm') return { sensorId: `${own}.rain`, factor: 1 }
  if (kind !== 'lvl_cm') return undefined
  const site = siteOf(own, { lowestM: lowest(values) / 100, stepS: 60 })
  return { sensorId: `${own}.level`, factor: 0.01, site }
}

/** Known sites are as they were built; of a stranger the readings tell whether it sees below the road. */
function siteOf(id: string, { lowestM, stepS }: { lowestM: number; stepS: number }): RecordingSite {
  const known = knownSites.get(id)
  if (known === undefined) {
    return { id, kind: 'low-road', quantity: lowestM < -0.1 ? 'manhole_level' : 'water_depth', periodS: stepS }
  }
  return { id, kind: known.kind, quantity: known.quantity, periodS: known.periodS }
}

function lowest(column: readonly (number | null)[]): number {
  return column.reduce<number>((least, value) => (value === null ? least : Math.min(least, value)), 0)
}

/** To four decimals: 0.1 mm of water and less than any gauge tells. */
function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
