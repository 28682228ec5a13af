import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeBatch } from '@forewarn/journal/batch-codec'
import { openReadingJournal, type ReadingJournal } from '@forewarn/journal/reading-journal'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { StoreError } from '@forewarn/store/reading-store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type IngestCounts, ingestCounts } from './counts.ts'
import { type KeptLines, openKeptLines } from './kept-lines.ts'
import { type MemoryStore, memoryStore } from './store-fixture.ts'
import { testDistrict } from './test-district.ts'
import { type StoreWriter, startWriter } from './writer.ts'

let dir = ''
let journal: ReadingJournal
let store: MemoryStore
let setAside: KeptLines
let counts: IngestCounts
let writer: StoreWriter | undefined

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'writer-'))
  journal = await openReadingJournal({ dir, registry: testDistrict, nowMs: () => 0 })
  store = memoryStore()
  setAside = await openKeptLines({ dir: join(dir, 'set-aside') })
  counts = ingestCounts(createMetrics())
})
afterEach(async () => {
  await writer?.stop()
  await setAside.close()
  await journal.close()
  await rm(dir, { recursive: true })
})

function start(): void {
  const pace = { gatherMs: 1, gatherReadings: 50, backOffMs: { first: 1, longest: 2 } }
  writer = startWriter({ journal, store, setAside, counts, log: silentLog(), ledger: { stored() {} }, ...pace })
}

/** One reading, `value` of sensor 1 at that time. */
function append(measuredAtMs: number, value = measuredAtMs): Promise<number> {
  return journal.append(
    encodeBatch({
      gateway: 0,
      receivedAtMs: measuredAtMs,
      sequence: -1,
      sensor: Uint32Array.of(1),
      measuredAtMs: Float64Array.of(measuredAtMs),
      value: Float64Array.of(value),
      quality: Uint8Array.of(0),
    }),
  )
}

async function appendMany(from: number, to: number): Promise<void> {
  await Promise.all(Array.from({ length: to - from }, (_, index) => append(from + index)))
}

test('a store that is down loses nothing: it gets everything when it is back', async () => {
  let isDown = true
  store.failWith = () => (isDown ? new StoreError('store-unreachable', 'down') : undefined)
  start()
  await appendMany(0, 500)
  while (store.writes < 5) await new Promise(resolve => setImmediate(resolve))
  expect(writer?.trouble()).toContain('down')
  expect(writer?.oldestWaitingMs()).toBe(0)
  isDown = false
  await store.holds(500)
  await stopped()
  expect(journal.consumer('store').position()).toBe(journal.figures().endOffset)
})

async function stopped(): Promise<void> {
  await writer?.stop()
  writer = undefined
}

test('what was stored and not checkpointed is written again, and is still one row', async () => {
  await appendMany(0, 100)
  start()
  await store.holds(100)
  await stopped()
  const before = journal.consumer('store').position()
  await appendMany(100, 120)
  start()
  await store.holds(120)
  await stopped()
  expect(store.rows.size).toBe(120)
  expect(journal.consumer('store').position()).toBeGreaterThan(before)
})

test('one batch that the store can never take is set aside, the others go on', async () => {
  const isPoison = (batches: readonly { value: Float64Array }[]) => batches.some(({ value }) => value[0] === 13)
  store.failWith = batches => (isPoison(batches) ? new StoreError('store-refused', 'unlucky') : undefined)
  await appendMany(0, 30)
  start()
  await store.holds(29)
  await stopped()
  expect(store.rows.has('1@13')).toBe(false)
  expect(counts.totals().batchesSetAside).toBe(1)
  const kept: unknown[] = []
  const found = await openKeptLines({ dir: join(dir, 'set-aside'), onFound: line => kept.push(line) })
  await found.close()
  expect(kept).toMatchObject([{ reason: expect.stringContaining('unlucky'), sensor: [1], value: [13] }])
})

test('a record that is no batch of readings does not stop those behind it', async () => {
  await append(1)
  await journal.append(new Uint8Array(40).fill(9))
  await append(2)
  start()
  await store.holds(2)
  expect(counts.totals().batchesSetAside).toBe(1)
})

test('a store that refuses everything sets nothing aside', async () => {
  let refuses = true
  store.failWith = () => (refuses ? new StoreError('store-refused', 'no rights') : undefined)
  await appendMany(0, 10)
  start()
  while (store.writes < 30) await new Promise(resolve => setImmediate(resolve))
  expect(counts.totals().batchesSetAside).toBe(0)
  refuses = false
  await store.holds(10)
})

test('a store that is far behind does not pull the whole journal into memory', async () => {
  store.failWith = () => new StoreError('store-unreachable', 'down')
  let most = 0
  const failWith = store.failWith
  store.failWith = batches => {
    most = Math.max(most, batches.length)
    return failWith(batches)
  }
  await appendMany(0, 1000)
  start()
  while (store.writes < 5) await new Promise(resolve => setImmediate(resolve))
  expect(most).toBeLessThanOrEqual(100)
})
