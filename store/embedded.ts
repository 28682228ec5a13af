/**
 * The store that needs no server: DuckDB in a worker thread, so that neither a PUBACK nor a verdict ever waits for
 * a disk or a query. What it promises is in `reading-store.ts`; how it keeps it, in `embedded-engine.ts`.
 */
import { mkdir, realpath } from 'node:fs/promises'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Check } from '@forewarn/contracts/health'
import type { ReadingBatch } from '@forewarn/contracts/reading'
import { buffersOf, packBatches } from './columns.ts'
import {
  type AnswerMessage,
  type Ask,
  type AskMessage,
  latestWidth,
  pointWidth,
  type Result,
} from './embedded-messages.ts'
import {
  type LatestReading,
  type ReadingStore,
  type SeriesPoint,
  type SeriesRequest,
  StoreError,
} from './reading-store.ts'
import { wholeRange } from './whole-range.ts'

export interface EmbeddedStoreOptions {
  /** Folder of its own; made when it is missing. One house at a time. */
  readonly dir: string
  /** `District.sensors`: the index here is the sensor of every reading. */
  readonly sensors: readonly { readonly id: string }[]
  /** What DuckDB may take, MB; sorts beyond it spill into the folder. */
  readonly memoryMb?: number
  /** Rows that gather before they are sorted into their day. */
  readonly blockRows?: number
}

/** DuckDB's lock keeps other processes out, but not a second opening in this one. */
const openFolders = new Set<string>()

/**
 * Opens the embedded store, or makes it. Rejects with a StoreError: `store-locked` when the folder is in use,
 * `store-folder-unusable` when it cannot be made or written, `store-damaged` when the file is none of ours.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<ReadingStore> {
  const folder = await usableFolder(options.dir)
  if (openFolders.has(folder)) throw lockedError(folder)
  openFolders.add(folder)
  const thread = startThread(() => openFolders.delete(folder))
  try {
    const { numbers } = await thread.ask({
      kind: 'open',
      options: {
        dir: folder,
        sensorIds: options.sensors.map(sensor => sensor.id),
        memoryMb: options.memoryMb ?? 256,
        blockRows: options.blockRows ?? 1_000_000,
      },
    })
    return storeOver(thread, Uint32Array.from(numbers ?? []))
  } catch (cause) {
    await thread.end()
    if (cause instanceof StoreError && cause.code === 'store-locked') throw lockedError(folder, cause)
    throw cause
  }
}

async function usableFolder(dir: string): Promise<string> {
  try {
    await mkdir(dir, { recursive: true })
    return await realpath(dir)
  } catch (cause) {
    throw new StoreError('store-folder-unusable', `the folder ${dir} cannot be made or written`, { cause })
  }
}

function lockedError(folder: string, cause?: unknown): StoreError {
  return new StoreError('store-locked', `the readings in ${folder} are in use by another Forewarn; stop it first`, {
    cause,
  })
}

function storeOver(thread: StoreThread, keys: Uint32Array): ReadingStore {
  return {
    write: batches => write(thread, keys, batches),
    latest: sensors => latest(thread, keys, sensors),
    range: request => range(thread, keys, request),
    async count(asked = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY }) {
      const { numbers } = await thread.ask({ kind: 'count', range: wholeRange(asked) })
      return numbers?.[0] ?? 0
    },
    async retain({ olderThanMs }) {
      await thread.ask({ kind: 'retain', olderThanMs })
    },
    async copyTo(dir) {
      await thread.ask({ kind: 'copy', dir })
    },
    health: () => health(thread),
    close: () => thread.close(),
  }
}

async function write(thread: StoreThread, keys: Uint32Array, batches: readonly ReadingBatch[]): Promise<void> {
  const columns = packBatches(batches, keys)
  if (columns.key.length > 0) await thread.ask({ kind: 'write', columns })
}

async function latest(
  thread: StoreThread,
  keys: Uint32Array,
  sensors: readonly number[] | undefined,
): Promise<LatestReading[]> {
  const asked = sensors ?? Array.from(keys.keys())
  const { numbers = new Float64Array() } = await thread.ask({
    kind: 'latest',
    keys: Uint32Array.from(asked, sensor => keyOf(keys, sensor)),
  })
  const readings: LatestReading[] = []
  for (const [row, sensor] of asked.entries()) {
    const at = row * latestWidth
    const measuredAtMs = numbers[at] ?? Number.NEGATIVE_INFINITY
    if (measuredAtMs === Number.NEGATIVE_INFINITY) continue
    const receivedAtMs = measuredAtMs + (numbers[at + 1] ?? 0)
    readings.push({ sensor, measuredAtMs, receivedAtMs, value: numbers[at + 2] ?? 0, quality: numbers[at + 3] ?? 0 })
  }
  return readings
}

async function range(thread: StoreThread, keys: Uint32Array, request: SeriesRequest): Promise<SeriesPoint[]> {
  const query = { key: keyOf(keys, request.sensor), maxPoints: request.maxPoints, ...wholeRange(request) }
  const { numbers = new Float64Array() } = await thread.ask({ kind: 'series', query })
  const points: SeriesPoint[] = []
  for (let at = 0; at < numbers.length; at += pointWidth) {
    const [atMs = 0, min = 0, mean = 0, max = 0, count = 0, quality = 0] = numbers.subarray(at, at + pointWidth)
    points.push({ atMs, min, mean, max, count, quality })
  }
  return points
}

function keyOf(keys: Uint32Array, sensor: number): number {
  const key = keys[sensor]
  if (key === undefined) throw new RangeError(`sensor index ${sensor} is not in the registry`)
  return key
}

async function health(thread: StoreThread): Promise<Check[]> {
  try {
    const { checks = [] } = await thread.ask({ kind: 'health' })
    return checks
  } catch (error) {
    return [{ name: 'store', status: 'failed', detail: String(error), remedy: 'Restart Forewarn; see its log.' }]
  }
}

interface StoreThread {
  /** Asks the worker. Rejects with a StoreError. */
  ask(ask: Ask): Promise<Result>
  /** Closes the file, then ends the thread. */
  close(): Promise<void>
  end(): Promise<void>
}

interface Waiting {
  resolve(result: Result): void
  reject(error: StoreError): void
}

/**
 * The thread and, when it broke, the next one: it opens the same file at the next question. What was under way is
 * rejected; its caller writes it again.
 */
function startThread(onEnd: () => void): StoreThread {
  const waiting = new Map<number, Waiting>()
  let nextId = 0
  let opening: Ask | undefined
  let worker: Worker | undefined
  let isClosed = false
  const fail = (error: StoreError) => {
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  const launch = () => {
    // The same ending as this file's: the worker is a .js when Forewarn runs as a built package.
    const launched = new Worker(new URL(`./embedded-worker${extname(import.meta.url)}`, import.meta.url))
    launched.on('message', (message: AnswerMessage) => settleWaiting(waiting, message))
    launched.on('error', cause => fail(new StoreError('store-failed', 'the store’s thread broke', { cause })))
    launched.on('exit', () => {
      if (worker === launched) worker = undefined
      fail(new StoreError(isClosed ? 'store-closed' : 'store-failed', 'the store’s thread ended'))
      if (isClosed) onEnd()
    })
    if (opening !== undefined) launched.postMessage({ id: nextId++, ask: opening } satisfies AskMessage)
    return launched
  }
  const ask = (question: Ask) =>
    new Promise<Result>((resolve, reject) => {
      if (isClosed) return reject(new StoreError('store-closed', 'the store is closed'))
      worker ??= launch()
      if (question.kind === 'open') opening = question
      if (question.kind === 'close') isClosed = true
      const message: AskMessage = { id: nextId++, ask: question }
      waiting.set(message.id, { resolve, reject })
      worker.postMessage(message, question.kind === 'write' ? buffersOf(question.columns) : [])
    })
  const end = async () => {
    isClosed = true
    if (worker === undefined) return onEnd()
    await worker.terminate()
  }
  let closing: Promise<void> | undefined
  const close = () => (closing ??= ask({ kind: 'close' }).then(end, end))
  return { ask, close, end }
}

function settleWaiting(waiting: Map<number, Waiting>, { id, result, trouble }: AnswerMessage): void {
  const asked = waiting.get(id)
  waiting.delete(id)
  if (trouble !== undefined) asked?.reject(new StoreError(trouble.code, trouble.message))
  else asked?.resolve(result ?? {})
}
