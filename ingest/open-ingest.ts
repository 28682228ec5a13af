/**
 * An ingest on a real journal in a folder of its own, for tests that hand messages straight to `accept`. The broker
 * in front of it has its own tests.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { District } from '@forewarn/contracts/district'
import { ProcessHealth, QuarantineReport } from '@forewarn/contracts/health'
import type { DownMessage } from '@forewarn/contracts/intake'
import { decodeBatch } from '@forewarn/journal/batch-codec'
import { openReadingJournal, type ReadingJournal } from '@forewarn/journal/reading-journal'
import { type HandClock, handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import type { Mapping } from './formats/mapped.ts'
import { type Ingest, startIngest } from './start.ts'
import { type MemoryStore, memoryStore } from './store-fixture.ts'
import { testDistrict } from './test-district.ts'

export const startMs = Date.UTC(2026, 6, 20, 15)
export const innerToken = 'inner-token'

export interface JournalRow {
  readonly sensor: string
  readonly value: number
  readonly measuredAtMs: number
  readonly receivedAtMs: number
  readonly quality: number
}

export interface OpenIngest extends AsyncDisposable {
  readonly dir: string
  readonly clock: HandClock
  readonly journal: ReadingJournal
  readonly store: MemoryStore
  readonly ingest: Ingest
  /** What was sent down to gateways. */
  readonly down: readonly DownMessage[]
  /** Hands a message in as the broker would: text and bytes as they are, the rest as JSON. */
  say(topic: string, payload: unknown, gateway?: string): Promise<void>
  rows(): Promise<JournalRow[]>
  quarantine(): Promise<QuarantineReport>
  health(): Promise<ProcessHealth>
  ask(path: string, body?: unknown): Promise<Response>
  /** Stops and starts again on the same folder, with the same options. */
  restart(): Promise<OpenIngest>
  /** The same with other options. */
  restartWith(options: OpenOptions): Promise<OpenIngest>
}

export interface OpenOptions {
  readonly district?: District
  readonly dir?: string
  readonly mappings?: readonly Mapping[]
  readonly clock?: HandClock
  /** Around the journal, to hold or fail its appends. */
  readonly journalThrough?: (journal: ReadingJournal) => ReadingJournal
}

/** Starts an ingest in a new folder, or in `dir`. */
export async function openIngest(options: OpenOptions = {}): Promise<OpenIngest> {
  const { district = testDistrict, journalThrough = one => one } = options
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'ingest-')))
  const clock = options.clock ?? handClock(startMs)
  const store = memoryStore()
  const opened = await openReadingJournal({ dir: join(dir, 'journal'), registry: district, nowMs: clock.nowMs })
  // The store's checkpoint must not delete what a test wants to read.
  opened.consumer('reader')
  const journal = journalThrough(opened)
  const down: DownMessage[] = []
  const parts = {
    clock,
    log: silentLog(),
    metrics: createMetrics(),
    innerToken,
    sendDown: (one: DownMessage) => void down.push(one),
  }
  const ingest = await startIngest({ district, journal, store, dataDir: dir, mappings: options.mappings, ...parts })
  let isStopped = false
  const stop = async () => {
    isStopped = true
    await ingest.stop()
    await opened.close()
  }
  const restartWith = async (others: OpenOptions) => {
    await stop()
    return await openIngest({ ...others, dir, clock })
  }
  const ask = (path: string, body?: unknown) =>
    fetch(`${ingest.url}${path}`, {
      headers: {
        authorization: `Bearer ${innerToken}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    })
  return {
    dir,
    clock,
    journal,
    store,
    ingest,
    down,
    say: (topic, payload, gateway = 'gw-1') =>
      ingest.accept({ gateway, topic, payload: bytesOf(payload), receivedAtMs: clock.nowMs() }),
    rows: () => rowsIn(journal, district),
    quarantine: async () => QuarantineReport.parse(await (await ask('/quarantine')).json()),
    health: async () => ProcessHealth.parse(await (await ask('/health')).json()),
    ask,
    restart: () => restartWith(options),
    restartWith,
    async [Symbol.asyncDispose]() {
      if (!isStopped) await stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function bytesOf(payload: unknown): Uint8Array {
  if (payload instanceof Uint8Array) return payload
  return Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
}

async function rowsIn(journal: ReadingJournal, { sensors }: District): Promise<JournalRow[]> {
  const rows: JournalRow[] = []
  for await (const { record } of journal.read({ from: 0, follow: false })) {
    const { sensor, value, measuredAtMs, quality, receivedAtMs } = decodeBatch(record)
    for (const [row, index] of sensor.entries())
      rows.push({
        sensor: sensors[index]?.id ?? '',
        value: value[row] ?? Number.NaN,
        measuredAtMs: measuredAtMs[row] ?? Number.NaN,
        receivedAtMs,
        quality: quality[row] ?? 0,
      })
  }
  return rows
}
