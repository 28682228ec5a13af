import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProcessHealth, QuarantineReport } from '@forewarn/contracts/health'
import { qualityFlag } from '@forewarn/contracts/reading'
import { decodeBatch } from '@forewarn/journal/batch-codec'
import { openReadingJournal, type ReadingJournal } from '@forewarn/journal/reading-journal'
import { handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startBareBroker } from './aedes-fixture.ts'
import { type Ingest, startIngest } from './start.ts'
import { type MemoryStore, memoryStore } from './store-fixture.ts'
import { testDistrict } from './test-district.ts'

const startMs = Date.UTC(2026, 6, 20, 15)
const token = 'inner-token'
let dir = ''
let clock = handClock(startMs)
let journal: ReadingJournal
let store: MemoryStore
let ingest: Ingest
let broker: Awaited<ReturnType<typeof startBareBroker>>
let gateway: MqttClient
let appendsHeld: Promise<void> = Promise.resolve()

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ingest-'))
  clock = handClock(startMs)
  store = memoryStore()
  appendsHeld = Promise.resolve()
  const opened = await openReadingJournal({ dir: join(dir, 'journal'), registry: testDistrict, nowMs: clock.nowMs })
  journal = {
    ...opened,
    async appendBatch(batch) {
      await appendsHeld
      return opened.appendBatch(batch)
    },
  }
  const parts = { clock, log: silentLog(), metrics: createMetrics(), innerToken: token }
  ingest = await startIngest({ district: testDistrict, journal, store, dataDir: dir, ...parts })
  broker = await startBareBroker({ accept: ingest.accept, nowMs: clock.nowMs })
  gateway = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, { username: 'gw-1', reconnectPeriod: 5 })
})
afterEach(async () => {
  await gateway.endAsync(true)
  await broker.stop()
  await ingest.stop()
  await journal.close()
  await rm(dir, { recursive: true })
})

const publish = (payload: unknown, topic = 'fw/1/jingan/gw-1/readings') =>
  gateway.publishAsync(topic, typeof payload === 'string' ? payload : JSON.stringify(payload), { qos: 1 })

async function rowsInJournal() {
  const rows: { sensor: number; value: number | undefined; measuredAtMs: number | undefined; quality: number }[] = []
  for await (const { record } of journal.read({ from: 0, follow: false })) {
    const { sensor, value, measuredAtMs, quality } = decodeBatch(record)
    for (const [row, index] of sensor.entries())
      rows.push({ sensor: index, value: value[row], measuredAtMs: measuredAtMs[row], quality: quality[row] ?? 0 })
  }
  return rows
}

async function ask(path: string): Promise<unknown> {
  const answer = await fetch(`${ingest.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
  return answer.json()
}

const quarantine = async () => QuarantineReport.parse(await ask('/quarantine'))
const health = async () => ProcessHealth.parse(await ask('/health'))

test('a reading is acknowledged when it is on disk and not before, then stored', async () => {
  let release: () => void = () => {}
  appendsHeld = new Promise(resolve => {
    release = resolve
  })
  let acknowledged = false
  const publishing = publish([{ n: 'depth-1', v: 0.3 }]).then(() => {
    acknowledged = true
  })
  // A second message that needs no append overtakes it: the connection is served, the first is still held.
  await publish('nonsense')
  expect(acknowledged).toBe(false)
  expect(await rowsInJournal()).toEqual([])
  release()
  await publishing
  expect(await rowsInJournal()).toMatchObject([{ sensor: 1, value: 0.3 }])
  await store.holds(1)
  expect(store.rows.get(`1@${startMs}`)).toBe(0.3)
})

test('a payload that is no SenML is acknowledged and kept with its original', async () => {
  await publish('{"temperature": 27.3}')
  const { counts, newest } = await quarantine()
  expect(counts).toEqual({ 'not-senml': 1 })
  expect(newest).toMatchObject([
    { reason: 'not-senml', gateway: 'gw-1', original: '{"temperature": 27.3}', kept: false },
  ])
  expect(await rowsInJournal()).toEqual([])
})

test('topics of others and unknown topics are quarantined, and the connection stays', async () => {
  let closes = 0
  gateway.on('close', () => closes++)
  await publish([{ n: 'depth-2', v: 0.1 }], 'fw/1/jingan/gw-2/readings')
  await publish([{ n: 'depth-1', v: 0.1 }], 'fw/1/pudong/gw-1/readings')
  await publish('go', 'fw/1/jingan/gw-1/orders')
  await publish('on', 'somewhere/lamp')
  expect((await quarantine()).counts).toEqual({ 'foreign-topic': 3, 'unknown-topic': 1 })
  expect(await rowsInJournal()).toEqual([])
  expect(closes).toBe(0)
})

test('bad records are kept aside by reason, the good ones of the batch count', async () => {
  await publish([
    { bt: startMs / 1000, n: 'gauge-1', v: 0.4 },
    { n: 'gauge-9', v: 1 },
    { n: 'depth-1', v: 97 },
    { n: 'depth-1', t: 1, v: 98 },
    { n: 'depth-1', t: -27 * 3600, v: 0.2 },
  ])
  const { counts, newest } = await quarantine()
  expect(counts).toEqual({ 'unknown-sensor': 1, 'out-of-bounds': 2, 'clock-skewed': 1 })
  expect(newest.find(({ reason }) => reason === 'out-of-bounds')?.detail).toContain('and 1 more')
  expect(newest.find(({ reason }) => reason === 'clock-skewed')?.kept).toBe(true)
  expect(await rowsInJournal()).toEqual([
    { sensor: 0, value: 0.4, measuredAtMs: startMs, quality: 0 },
    { sensor: 1, value: 0.2, measuredAtMs: startMs, quality: qualityFlag.clockReplaced },
  ])
})

test('a full disk means no PUBACK: the gateway comes again until it is kept', async () => {
  appendsHeld = Promise.reject(new Error('journal-full'))
  // It is thrown where it is awaited.
  appendsHeld.catch(() => {})
  gateway.once('close', () => {
    appendsHeld = Promise.resolve()
  })
  await publish([{ n: 'depth-1', v: 0.3 }])
  expect(await rowsInJournal()).toMatchObject([{ value: 0.3 }])
})

test('health names silent gateways, missing batches and what is in quarantine', async () => {
  const sent = (sequence: number) => [{ n: 'depth-1', v: 0.1, fwseq: sequence }]
  await publish(sent(1))
  await publish(sent(4))
  await publish(sent(4))
  await publish('nonsense')
  await publish('{"state":"online"}', 'fw/1/jingan/gw-1/status')
  clock.advance(200_000)
  await publish(sent(5))
  await store.holds(2)
  const { checks, figures } = await health()
  const said = Object.fromEntries(checks.map(({ name, status, detail }) => [name, `${status}: ${detail}`]))
  expect(said['gateways']).toBe('warning: 1 silent: gw-2; 2 batches never came')
  expect(said['quarantine']).toBe('warning: not-senml 1')
  expect(said['journal']).toMatch(/^ok/)
  expect(figures).toMatchObject({ readingsAccepted: 4, batchesMissing: 2, gatewaysOnline: 1 })
})

test('the inner server wants its token', async () => {
  expect((await fetch(`${ingest.url}/health`)).status).toBe(401)
})
