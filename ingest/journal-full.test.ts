import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProcessHealth } from '@forewarn/contracts/health'
import { openReadingJournal } from '@forewarn/journal/reading-journal'
import { handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { StoreError } from '@forewarn/store/reading-store'
import { expect, test } from 'vitest'
import { startIngest } from './start.ts'
import { memoryStore } from './store-fixture.ts'
import { testDistrict } from './test-district.ts'

const startMs = Date.UTC(2026, 6, 20, 15)
const innerToken = 'inner-token'

test('while the store is away the journal fills: a warning first, then no PUBACK; what was acknowledged is stored later', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ingest-full-'))
  const clock = handClock(startMs)
  const parts = { clock, log: silentLog(), metrics: createMetrics(), innerToken }
  const journal = await openReadingJournal({ dir, registry: testDistrict, nowMs: clock.nowMs, maxBytes: 4096 })
  const store = memoryStore()
  store.failWith = () => new StoreError('store-unreachable', 'away')
  const ingest = await startIngest({ district: testDistrict, journal, store, dataDir: dir, ...parts })
  const journalStatus = async () => {
    const answer = await fetch(`${ingest.url}/health`, { headers: { authorization: `Bearer ${innerToken}` } })
    const { checks } = ProcessHealth.parse(await answer.json())
    return checks.find(({ name }) => name === 'journal')?.status
  }
  const say = (number: number) => {
    const payload = new TextEncoder().encode(JSON.stringify([{ n: 'depth-1', bt: startMs / 1000 + number, v: 0.1 }]))
    return ingest.accept({ gateway: 'gw-1', topic: 'fw/1/jingan/gw-1/readings', payload, receivedAtMs: startMs })
  }
  const statuses = new Set<string | undefined>()
  let acknowledged = 0
  let refusal: unknown
  while (refusal === undefined) {
    await say(acknowledged).then(
      () => acknowledged++,
      (error: unknown) => (refusal = error),
    )
    statuses.add(await journalStatus())
  }
  expect([...statuses]).toEqual(['ok', 'warning', 'failed'])

  store.failWith = () => undefined
  await store.holds(acknowledged)
  expect(store.rows.size).toBe(acknowledged)
  await ingest.stop()
  await journal.close()
  await rm(dir, { recursive: true })
})
