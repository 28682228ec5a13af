import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatSenml } from '@forewarn/contracts/senml'
import { type Clock, drillClock, liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics, type Metrics } from '@forewarn/runtime/metrics'
import { expect, test } from 'vitest'
import { startTestBroker, type TestBroker, temporaryFolder } from './broker-fixture.ts'
import { type EdgeAgent, startEdgeAgent } from './start.ts'

const startMs = Date.UTC(2026, 6, 1)
const token = 'push-token'

interface AgentOptions {
  readonly broker: TestBroker
  readonly dataDir: string
  readonly clock?: Clock
  readonly metrics?: Metrics
}

function startAgent({
  broker,
  dataDir,
  clock = liveClock(),
  metrics = createMetrics(),
}: AgentOptions): Promise<EdgeAgent> {
  return startEdgeAgent({
    districtId: 'jingan',
    gateways: [{ id: 'gw-1', password: 'p' }],
    brokerUrl: broker.url,
    dataDir,
    clock,
    log: silentLog(),
    metrics,
    push: { host: '127.0.0.1', port: 0, token },
  })
}

/** Pushes readings that carry their number as value and time; resolves with the answer's code. */
async function push(pushUrl: string, { from, count }: { from: number; count: number }): Promise<number> {
  const readings = Array.from({ length: count }, (_, index) => ({
    name: 'gauge-1',
    timeMs: startMs + (from + index) * 1000,
    value: from + index,
  }))
  return await pushText(pushUrl, formatSenml(readings))
}

async function pushText(pushUrl: string, body: string, { gateway = 'gw-1', bearer = token } = {}): Promise<number> {
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/senml+json' }
  const answer = await fetch(`${pushUrl}/push/${gateway}`, { method: 'POST', headers, body })
  await answer.arrayBuffer()
  return answer.status
}

function values(broker: TestBroker): Set<number> {
  return new Set(broker.packs.flatMap(({ records }) => records.map(({ value }) => value)))
}

/** The same sensor and time must always say the same. */
function contradictions(broker: TestBroker): number {
  const records = broker.packs.flatMap(pack => pack.records)
  return records.filter(({ timeMs = 0, value }) => Math.round((timeMs - startMs) / 1000) !== value).length
}

test('a push is answered when it is on disk, and reaches the broker under the gateway’s topic', async () => {
  using folder = temporaryFolder()
  const broker = await startTestBroker()
  const agent = await startAgent({ broker, dataDir: folder.path })
  expect(await push(agent.pushUrl, { from: 0, count: 3 })).toBe(204)
  await broker.until(() => broker.packs.length === 1)
  expect(broker.packs[0]).toMatchObject({ gateway: 'gw-1', sequence: 0, backlog: false })
  expect(broker.statuses.map(({ state }) => state)).toEqual(['online'])
  await agent.stop()
  expect(broker.statuses.map(({ state }) => state)).toEqual(['online', 'offline'])
  expect(broker.statuses.at(-1)).toMatchObject({ nextSequence: 1, sentReadings: 3, droppedReadings: 0 })
  await broker.stop()
})

test('what cannot be read is refused and named', async () => {
  using folder = temporaryFolder()
  const broker = await startTestBroker()
  const agent = await startAgent({ broker, dataDir: folder.path })
  expect(await pushText(agent.pushUrl, 'rain, lots of it')).toBe(400)
  expect(await pushText(agent.pushUrl, '[{"n":"gauge-1","v":"wet"}]')).toBe(400)
  expect(await pushText(agent.pushUrl, '[{"n":"gauge-1","u":"mm","v":1},{"n":"gauge-2","v":"wet"}]')).toBe(200)
  expect(await pushText(agent.pushUrl, '[{"n":"gauge-1","v":1}]', { gateway: 'gw-9' })).toBe(404)
  expect(await pushText(agent.pushUrl, '[{"n":"gauge-1","v":1}]', { bearer: 'guess' })).toBe(401)
  expect(await pushText(agent.pushUrl, `[{"n":"${'g'.repeat(201)}","v":1}]`)).toBe(400)
  await broker.until(() => broker.packs.length === 1)
  expect(broker.packs[0]?.records).toMatchObject([{ name: 'gauge-1', unit: 'mm', value: 1 }])
  await agent.stop()
  await broker.stop()
})

test('when the disk refuses, a push is told so and counted, and the next one is taken', async () => {
  using folder = temporaryFolder()
  using aside = temporaryFolder()
  const broker = await startTestBroker()
  const metrics = createMetrics()
  const agent = await startAgent({ broker, dataDir: folder.path, metrics })
  cpSync(folder.path, aside.path, { recursive: true })
  rmSync(folder.path, { recursive: true })
  expect(await push(agent.pushUrl, { from: 0, count: 3 })).toBe(503)
  expect(await metrics.text()).toContain('forewarn_edge_pushes_refused_total{reason="not-kept"} 1')
  cpSync(aside.path, folder.path, { recursive: true })
  expect(await push(agent.pushUrl, { from: 0, count: 3 })).toBe(204)
  await broker.until(() => values(broker).size === 3)
  await agent.stop()
  await broker.stop()
})

test('the outbox forgets at PUBACK and not before', async () => {
  using folder = temporaryFolder()
  const broker = await startTestBroker()
  const agent = await startAgent({ broker, dataDir: folder.path })
  await broker.until(() => broker.statuses.length === 1)
  const { promise, resolve } = Promise.withResolvers<void>()
  broker.gate = promise
  await push(agent.pushUrl, { from: 0, count: 5 })
  expect(agent.status()).toMatchObject([{ id: 'gw-1', connected: true, readings: 5 }])
  resolve()
  await broker.until(() => broker.packs.length === 1)
  await agent.stop()
  expect(agent.status()).toMatchObject([{ readings: 0 }])
  await broker.stop()
})

test('an uplink that is cut for ten minutes loses nothing, and what waited says so and lets live ones pass', async () => {
  using folder = temporaryFolder()
  const broker = await startTestBroker()
  const clock = drillClock({ startMs, speed: 600 })
  clock.release()
  clock.release()
  const agent = await startAgent({ broker, dataDir: folder.path, clock })
  await push(agent.pushUrl, { from: 0, count: 10 })
  await broker.until(() => values(broker).size === 10)
  await broker.cut()
  const cutAtMs = clock.nowMs()
  let next = 10
  while (clock.nowMs() < cutAtMs + 600_000) {
    expect(await push(agent.pushUrl, { from: next, count: 10 })).toBe(204)
    next += 10
  }
  await broker.restore()
  await broker.until(() => values(broker).size === next)
  await push(agent.pushUrl, { from: next, count: 1 })
  await broker.until(() => values(broker).has(next))
  expect(contradictions(broker)).toBe(0)
  const backlogs = broker.packs.map(({ backlog }) => backlog)
  expect(backlogs.at(0)).toBe(false)
  expect(backlogs.at(1)).toBe(true)
  expect(backlogs.at(-1)).toBe(false)
  await agent.stop()
  await broker.stop()
})

test('an agent killed again and again loses nothing it had taken, and repeats itself only word for word', async () => {
  using folder = temporaryFolder()
  const broker = await startTestBroker()
  let taken = 0
  for (let life = 0; life < 2; life++) taken = await liveAndBeKilled({ broker, dataDir: folder.path, from: taken })
  const agent = await startAgent({ broker, dataDir: folder.path })
  await broker.until(() => values(broker).size >= taken)
  for (let value = 0; value < taken; value++) expect(values(broker).has(value)).toBe(true)
  expect(contradictions(broker)).toBe(0)
  for (const pack of broker.packs) {
    const twins = broker.packs.filter(({ sequence }) => sequence === pack.sequence)
    expect(new Set(twins.map(({ records }) => JSON.stringify(records))).size).toBe(1)
  }
  await agent.stop()
  await broker.stop()
})

/** Starts an agent, pushes, kills it while PUBACKs are held back; resolves with how many readings were taken. */
async function liveAndBeKilled({ broker, dataDir, from }: { broker: TestBroker; dataDir: string; from: number }) {
  const settings = {
    districtId: 'jingan',
    gateways: [{ id: 'gw-1', password: 'p' }],
    brokerUrl: broker.url,
    dataDir,
    push: { port: 0, token },
    logLevel: 'silent',
  }
  const file = join(dataDir, 'settings.json')
  writeFileSync(file, JSON.stringify(settings))
  const child = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url)), file])
  const [line] = await once(child.stdout, 'data')
  const pushUrl = String(line).trim()
  for (let round = 0; round < 4; round++) {
    expect(await push(pushUrl, { from: from + round * 150, count: 150 })).toBe(204)
  }
  // The last pushes are in flight when it dies: whether they were taken, nobody was told.
  broker.gate = new Promise(() => {})
  expect(await push(pushUrl, { from: from + 600, count: 150 })).toBe(204)
  const unanswered = push(pushUrl, { from: from + 750, count: 150 }).catch(() => 'killed')
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await Promise.all([gone, unanswered])
  broker.gate = Promise.resolve()
  return from + 750
}
