/**
 * The three generations of InfluxDB behind one set of calls, through the official client: where to write, how to
 * ask, who we are. Its retries and its buffer are switched off: it drops lines beyond its buffer, and the journal
 * in front of the store does not.
 */
import { HttpError, InfluxDB } from '@influxdata/influxdb-client'
import { z } from 'zod'
import { StoreError } from '../reading-store.ts'
import { identifier } from './lines.ts'

export interface InfluxOptions {
  /** `http://host:8086`. */
  readonly url: string
  readonly version: '1' | '2' | '3'
  /** Database (1, 3) or bucket (2). */
  readonly database: string
  readonly org?: string
  readonly token?: string
  readonly user?: string
  readonly password?: string
  /** How long one request may take, ms. */
  readonly timeoutMs?: number
}

/** Values of one series: `columns` name what stands in each row. */
export interface InfluxSeries {
  readonly tags: Readonly<Record<string, string>>
  readonly columns: readonly string[]
  readonly values: readonly (readonly unknown[])[]
}

export interface InfluxClient {
  readonly options: InfluxOptions
  /** Asks InfluxQL, the one language all three generations answer; times are ms. Rejects with a StoreError. */
  influxql(query: string): Promise<InfluxSeries[]>
  /** Any other request; the answer is JSON or text. Rejects with a StoreError. */
  request(path: string, options?: { method?: string; body?: string; contentType?: string }): Promise<unknown>
  /** Sends lines in requests one after the other. */
  openLane(): Lane
}

export interface Lane {
  /** Resolves when InfluxDB answered 204; rejects with what it answered otherwise. One at a time. */
  send(block: string): Promise<void>
  close(): Promise<void>
}

/** A client for one server. Nothing is sent yet. */
export function makeInfluxClient(options: InfluxOptions): InfluxClient {
  const { url, token, user, password, timeoutMs = 30_000 } = options
  const influx = new InfluxDB({
    url,
    timeout: timeoutMs,
    ...(token === undefined ? {} : { token }),
    ...(user === undefined ? {} : { headers: { authorization: basicAuth(user, password ?? '') } }),
  })
  const request: InfluxClient['request'] = async (path, { method = 'GET', body = '', contentType } = {}) => {
    const headers: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType }
    try {
      const answer: unknown = await influx.transport.request(path, body, { method, headers })
      return answer
    } catch (cause) {
      throw troubleOf(cause)
    }
  }
  return {
    options,
    request,
    influxql: query => influxql(request, options, query),
    openLane: () => openLane(influx, options),
  }
}

function basicAuth(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

const Answer = z.object({
  error: z.string().optional(),
  results: z
    .array(
      z.object({
        error: z.string().optional(),
        series: z
          .array(
            z.object({
              tags: z.record(z.string(), z.string()).default({}),
              columns: z.array(z.string()),
              values: z.array(z.array(z.unknown())).default([]),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
})

async function influxql(
  request: InfluxClient['request'],
  { database }: InfluxOptions,
  query: string,
): Promise<InfluxSeries[]> {
  const path = `/query?${new URLSearchParams({ db: database, epoch: 'ms' })}`
  const body = String(new URLSearchParams({ q: query }))
  const raw = await request(path, { method: 'POST', body, contentType: 'application/x-www-form-urlencoded' })
  // 1.x answers JSON under a type that the client does not always know, and then gives it as text.
  const answer = Answer.parse(typeof raw === 'string' ? JSON.parse(raw) : raw)
  const error = answer.error ?? answer.results.find(result => result.error !== undefined)?.error
  if (error !== undefined) throw new StoreError('store-refused', `InfluxDB refused a query: ${error}`)
  return answer.results.flatMap(result => result.series)
}

/** Where lines go. InfluxDB 1.6 has no /api/v2/write, and 3.x no organisation. */
function writePath({ version, database, org }: InfluxOptions): string {
  if (version === '1') return `/write?${new URLSearchParams({ db: database, precision: 'ms' })}`
  const organisation: Record<string, string> = version === '2' ? { org: org ?? '' } : {}
  return `/api/v2/write?${new URLSearchParams({ ...organisation, bucket: database, precision: 'ms' })}`
}

function openLane(influx: InfluxDB, options: InfluxOptions): Lane {
  let answered: PromiseWithResolvers<void> | undefined
  const api = influx.getWriteApi(options.org ?? '', options.database, 'ms', {
    batchSize: 1,
    flushInterval: 0,
    maxRetries: 0,
    // A block is one "line" to the client; its limit of bytes is for batches of its own making.
    maxBatchBytes: Number.MAX_SAFE_INTEGER,
    // Compressing costs six times the CPU of sending, and the database stands on this machine or in the next rack.
    gzipThreshold: Number.MAX_SAFE_INTEGER,
    writeSuccess: () => answered?.resolve(),
    writeFailed: error => {
      answered?.reject(error)
      // A promise tells the client that its own retry is not wanted.
      return Promise.resolve()
    },
  })
  api.path = writePath(options)
  return {
    send(block) {
      answered = Promise.withResolvers<void>()
      api.writeRecord(block)
      return answered.promise
    },
    close: () => api.close(),
  }
}

/** A StoreError for what the client rejected with: gone, refused, or out of order. */
export function troubleOf(cause: unknown): StoreError {
  if (!(cause instanceof HttpError)) {
    return new StoreError('store-unreachable', `InfluxDB does not answer: ${String(cause)}`, { cause })
  }
  const text = `${cause.statusCode} ${cause.body ?? cause.message}`.slice(0, 500)
  if (cause.statusCode === 429 || cause.statusCode >= 500) {
    return new StoreError('store-unreachable', `InfluxDB is in trouble: ${text}`, { cause })
  }
  return new StoreError('store-refused', `InfluxDB refused: ${text}`, { cause })
}

/** Makes the database of 1.x and what InfluxQL needs in 2.x, where they are missing. Rejects with a StoreError. */
export async function prepareDatabase(client: InfluxClient): Promise<void> {
  if (client.options.version === '1') await prepareVersion1(client)
  if (client.options.version === '2') await prepareVersion2(client)
}

async function prepareVersion1(client: InfluxClient): Promise<void> {
  const { database } = client.options
  const series = await client.influxql('SHOW DATABASES')
  const names = series.flatMap(({ values }) => values.map(([name]) => name))
  // A user who may only write to it sees it listed; making it is for an administrator.
  if (!names.includes(database)) await client.influxql(`CREATE DATABASE ${identifier(database)}`)
}

const Buckets = z.object({ buckets: z.array(z.object({ id: z.string() })).default([]) })
const Mappings = z.object({ content: z.array(z.unknown()).default([]) })

/** InfluxQL finds a bucket of 2.x through a mapping of database and retention policy (DBRP). */
async function prepareVersion2(client: InfluxClient): Promise<void> {
  const { database, org = '' } = client.options
  const search = (facts: Record<string, string>) => String(new URLSearchParams({ org, ...facts }))
  const mappings = Mappings.parse(await client.request(`/api/v2/dbrps?${search({ db: database })}`))
  if (mappings.content.length > 0) return
  const { buckets } = Buckets.parse(await client.request(`/api/v2/buckets?${search({ name: database })}`))
  const bucketID = buckets[0]?.id
  if (bucketID === undefined) {
    throw new StoreError('store-refused', `InfluxDB has no bucket ${database} in organisation ${org}; make one first`)
  }
  const body = JSON.stringify({ org, bucketID, database, retention_policy: 'autogen', default: true })
  await client.request('/api/v2/dbrps', { method: 'POST', body, contentType: 'application/json' })
}
