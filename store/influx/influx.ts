/**
 * The store that is an InfluxDB: 1.x, 2.x or 3.x, whichever the district has. What it promises is in
 * `reading-store.ts`. Writing goes through line protocol, everything asked through InfluxQL.
 */
import type { Check } from '@forewarn/contracts/health'
import type { ReadingBatch } from '@forewarn/contracts/reading'
import { type ReadingStore, type SeriesPoint, type SeriesRequest, StoreError } from '../reading-store.ts'
import { type InfluxClient, type InfluxOptions, makeInfluxClient, prepareDatabase } from './client.ts'
import { influxHealth } from './health.ts'
import { bucketed, type HourlyFigures, hourlyFigures } from './hourly.ts'
import { linesOf, measurement, seriesOf, tagOf } from './lines.ts'
import { countReadings, latestReadings, seriesPoints } from './queries.ts'
import { type OnPoison, sendLines } from './writing.ts'

export interface InfluxStoreOptions extends InfluxOptions {
  /** `District.sensors`: the index here is the sensor of every reading. */
  readonly sensors: readonly { readonly id: string }[]
  /** Called for lines that InfluxDB will never take; they are set aside, and the rest goes on. */
  readonly onPoison?: OnPoison
}

/** Requests under way at once: one that InfluxDB works on, one that is on its way to it. */
const laneCount = 2
const hourMs = 3_600_000

/**
 * Opens a store in InfluxDB, and makes database (1.x) or InfluxQL mapping (2.x) where they are missing. An InfluxDB
 * that does not answer yet is no error: `write` will reject with `store-unreachable` until it does. One that
 * answers and refuses is: rejects with `store-refused`.
 */
export async function openInfluxStore(options: InfluxStoreOptions): Promise<ReadingStore> {
  const client = makeInfluxClient(options)
  const prepared = preparation(client)
  await prepared().catch(error => {
    if (!(error instanceof StoreError) || error.code !== 'store-unreachable') throw error
  })
  return storeOver(client, prepared, options)
}

/** Prepares the database once; when that fails, again at the next call. */
function preparation(client: InfluxClient): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    done ??= prepareDatabase(client).catch(error => {
      done = undefined
      throw error
    })
    return done
  }
}

function storeOver(client: InfluxClient, prepared: () => Promise<void>, options: InfluxStoreOptions): ReadingStore {
  const { sensors, onPoison = () => undefined } = options
  const tags = sensors.map(sensor => tagOf(sensor.id))
  const sensorOfTag = new Map(tags.map((tag, index) => [tag, index]))
  const writer = openWriter(client, { series: sensors.map(sensor => seriesOf(sensor.id)), onPoison })
  // 3.x deletes by the retention period of its database or table only; `health` says so.
  const hourly = client.options.version === '3' ? undefined : hourlyFigures(client)
  let closed = false
  const ready = async () => {
    if (closed) throw new StoreError('store-closed', 'the store is closed')
    await prepared()
  }
  return {
    async write(batches) {
      await ready()
      await writer.write(batches)
    },
    async latest(asked) {
      await ready()
      return await latestReadings(client, { tags: asked?.map(sensor => tagAt(tags, sensor)), sensorOfTag })
    },
    async range(request) {
      await ready()
      return await wholeSeries(client, hourly, { tag: tagAt(tags, request.sensor), ...request })
    },
    async count(range) {
      await ready()
      return await countReadings(client, range)
    },
    async retain({ olderThanMs }) {
      await ready()
      const cutoffMs = Math.floor(olderThanMs / hourMs) * hourMs
      if (hourly === undefined) return
      await hourly.keep(cutoffMs, beforeMs => deleteBefore(client, beforeMs))
    },
    health: () => health(client, { closed, sensors: sensors.length }),
    async close() {
      closed = true
      await writer.close()
    },
  }
}

/** Hours of what was deleted and readings of what was not, in order; in buckets when they are too many. */
async function wholeSeries(
  client: InfluxClient,
  hourly: HourlyFigures | undefined,
  request: SeriesRequest & { readonly tag: string },
): Promise<SeriesPoint[]> {
  const hours = (await hourly?.points(request.tag, request)) ?? []
  const points = await seriesPoints(client, request)
  if (hours.length === 0) return points
  const all = [...hours, ...points].sort((a, b) => a.atMs - b.atMs)
  const { fromMs, toMs, maxPoints } = request
  return maxPoints === undefined || all.length <= maxPoints ? all : bucketed(all, { fromMs, toMs, buckets: maxPoints })
}

function tagAt(tags: readonly string[], sensor: number): string {
  const tag = tags[sensor]
  if (tag === undefined) throw new RangeError(`sensor index ${sensor} is not in the registry`)
  return tag
}

interface Writer {
  write(batches: readonly ReadingBatch[]): Promise<void>
  close(): Promise<void>
}

/** One `write` after the other, each over all lanes at once where that is safe. */
function openWriter(
  client: InfluxClient,
  { series, onPoison }: { series: readonly string[]; onPoison: OnPoison },
): Writer {
  const lanes = Array.from({ length: laneCount }, () => client.openLane())
  const known = knownHours()
  let last: Promise<unknown> = Promise.resolve()
  const send = async (batches: readonly ReadingBatch[]) => {
    const split = linesOf(batches, { series, lanes: lanes.length })
    const hours = hoursOf(batches)
    const deeds = lanes.map((lane, index) => () => sendLines(lane, split[index] ?? [], onPoison))
    await (known.hasAll(hours) ? allAtOnce(deeds) : oneByOne(deeds))
    known.add(hours)
  }
  return {
    write(batches) {
      const done = last.then(() => send(batches))
      last = done.catch(() => undefined)
      return done
    },
    async close() {
      await last
      await Promise.all(lanes.map(lane => lane.close()))
    },
  }
}

/** Rejects only when all are done: a lane still sending could overwrite what the caller's next attempt writes. */
async function allAtOnce(deeds: readonly (() => Promise<void>)[]): Promise<void> {
  const done = await Promise.allSettled(deeds.map(deed => deed()))
  const failed = done.find(result => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

async function oneByOne(deeds: readonly (() => Promise<void>)[]): Promise<void> {
  for (const deed of deeds) await deed()
}

/** Hours that are remembered; forgetting some costs one write that goes one by one. */
const knownHoursMax = 20_000

/**
 * The hours that this process has written to. InfluxDB 1.6.7 can lose one of two requests that make the same shard
 * at the same time, though it answers 204 to both (measured: about one shard in 450 on a busy machine; new series
 * in a shard that is there: none in 9,172). A shard is an hour or longer, so an hour is begun by one request alone.
 */
function knownHours() {
  const known = new Set<number>()
  return {
    hasAll: (hours: ReadonlySet<number>) => hours.isSubsetOf(known),
    add(hours: ReadonlySet<number>) {
      if (known.size + hours.size > knownHoursMax) known.clear()
      for (const hour of hours) known.add(hour)
    },
  }
}

function hoursOf(batches: readonly ReadingBatch[]): Set<number> {
  const hours = new Set<number>()
  let last = Number.NaN
  for (const { measuredAtMs } of batches) {
    for (const atMs of measuredAtMs) {
      const hour = Math.floor(atMs / hourMs)
      if (hour !== last) hours.add(hour)
      last = hour
    }
  }
  return hours
}

async function deleteBefore(client: InfluxClient, beforeMs: number): Promise<void> {
  const { version, database, org = '' } = client.options
  if (version === '1') await client.influxql(`DELETE FROM ${measurement} WHERE time < ${beforeMs}ms`)
  if (version === '2') {
    await client.request(`/api/v2/delete?${new URLSearchParams({ org, bucket: database })}`, {
      method: 'POST',
      contentType: 'application/json',
      body: JSON.stringify({
        start: '1677-09-22T00:00:00Z',
        stop: new Date(beforeMs).toISOString(),
        predicate: `_measurement="${measurement}"`,
      }),
    })
  }
}

async function health(client: InfluxClient, state: { closed: boolean; sensors: number }): Promise<Check[]> {
  if (state.closed) return [{ name: 'store', status: 'failed', detail: 'the store is closed', remedy: '' }]
  return await influxHealth(client, state.sensors)
}
