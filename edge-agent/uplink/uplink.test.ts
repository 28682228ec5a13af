import { randomUUID } from 'node:crypto'
import { formatSenml, type SenmlReading } from '@forewarn/contracts/senml'
import { type HandClock, handClock, liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startTestBroker, type TestBroker, temporaryFolder } from '../broker-fixture.ts'
import { openLine } from '../line.ts'
import { type AgentGateway, type EdgeAgent, startEdgeAgent } from '../start.ts'

const startMs = Date.UTC(2026, 6, 1)
const token = 'push-token'
let broker: TestBroker
let agent: EdgeAgent | undefined
let folder: ReturnType<typeof temporaryFolder>

beforeEach(async () => {
  folder = temporaryFolder()
  broker = await startTestBroker()
})
afterEach(async () => {
  await agent?.stop()
  agent = undefined
  await broker.stop()
  folder[Symbol.dispose]()
})

async function start(gateway: Partial<AgentGateway> = {}, clock?: HandClock) {
  agent = await startEdgeAgent({
    districtId: 'jingan',
    gateways: [{ id: 'gw-1', password: 'p', ...gateway }],
    brokerUrl: broker.url,
    dataDir: folder.path,
    clock: clock ?? liveClock(),
    log: silentLog(),
    metrics: createMetrics(),
    push: { host: '127.0.0.1', port: 0, token },
    outbox: { lingerMs: 0 },
  })
  await broker.until(() => broker.births.length > 0 && broker.statuses.length > 0 && broker.listeners.has('gw-1'))
  return agent
}

async function pushed(readings: readonly SenmlReading[]): Promise<Response> {
  return await fetch(`${agent?.pushUrl}/push/gw-1`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/senml+json' },
    body: formatSenml(readings),
  })
}

async function push(readings: readonly SenmlReading[]): Promise<void> {
  expect((await pushed(readings)).status).toBe(204)
}

function of(name: string, value: number, more: Partial<SenmlReading> = {}): SenmlReading {
  return { name, timeMs: startMs + value * 1000, value, ...more }
}

test('declared names travel as columns under the birth number, and a name that is new is declared', async () => {
  await start({ format: 'columns', sensors: ['gauge-1', 'gauge-2'] })
  const [birth] = broker.births
  expect(birth).toMatchObject({ sensors: ['gauge-1', 'gauge-2'], software: expect.stringContaining('edge-agent') })
  // The list counts only once the house has it: until then the same readings go as SenML.
  while (broker.columns.length === 0) await push([of('gauge-2', 5), of('gauge-1', 7)])
  expect(broker.columns[0]).toMatchObject({
    birth: birth?.birth,
    i: [1, 0],
    v: [5, 7],
    d: [0, 2000],
    t: startMs + 5000,
  })
  await push([of('gauge-3', 1)])
  await broker.until(() => broker.births.length === 2)
  expect(broker.births[1]?.sensors).toEqual(['gauge-1', 'gauge-2', 'gauge-3'])
  expect(broker.births[1]?.birth).not.toBe(birth?.birth)
  const before = broker.columns.length
  while (broker.columns.length === before) await push([of('gauge-3', 2)])
  expect(broker.columns.at(-1)).toMatchObject({ birth: broker.births[1]?.birth, i: [2], v: [2] })
  // One count across both channels.
  const sequences = [...broker.columns.map(({ seq }) => seq), ...broker.packs.map(({ sequence }) => sequence)]
  expect(sequences.sort((a, b) => a - b)).toEqual(sequences.map((_, index) => index))
})

test('what columns cannot say goes as SenML: units and qualities', async () => {
  await start({ format: 'columns', sensors: ['gauge-1'] })
  while (broker.columns.length === 0) await push([of('gauge-1', 1)])
  const before = broker.packs.length
  await push([of('gauge-1', 2, { unit: 'm' })])
  await push([of('gauge-1', 3, { quality: 'suspect' })])
  await broker.until(() => broker.packs.length === before + 2)
  expect(broker.packs.at(-2)?.records).toMatchObject([{ value: 2, unit: 'm' }])
  expect(broker.packs.at(-1)?.records).toMatchObject([{ value: 3, quality: 1 }])
})

test('the list of names and its number are the same after a restart', async () => {
  await start({ format: 'columns' })
  await push([of('gauge-9', 1)])
  await broker.until(() => broker.births.length === 2)
  await agent?.stop()
  await start({ format: 'columns' })
  await broker.until(() => broker.births.length === 3)
  expect(broker.births[2]).toEqual(broker.births[1])
})

test('a metered uplink packs what it sends', async () => {
  await start({ metered: true })
  await push(Array.from({ length: 400 }, (_, index) => of('gauge-1', index)))
  await broker.until(() => broker.packs.length === 1)
  expect(broker.topics).toContain('fw/1/jingan/gw-1/readings/zstd')
  expect(broker.packs[0]?.records).toHaveLength(400)
  expect(broker.packs[0]?.bytes).toBeLessThan((broker.packs[0]?.text.length ?? 0) / 3)
})

test('told to be reborn, a gateway says birth and status again', async () => {
  await start({ sensors: ['gauge-1'] })
  await broker.say('gw-1', 'command', { kind: 'rebirth', id: randomUUID() })
  await broker.until(() => broker.births.length === 2 && broker.statuses.length === 2)
  expect(broker.births[1]).toEqual(broker.births[0])
})

test('nonsense on the way down changes nothing', async () => {
  await start()
  await broker.say('gw-1', 'command', '{"kind":"self-destruct"')
  await broker.say('gw-1', 'command', { kind: 'sample', id: 'x', sensors: [] })
  await broker.say('gw-1', 'config', 'rain')
  await broker.say('gw-1', 'command', { kind: 'rebirth', id: 'y' })
  await broker.until(() => broker.births.length === 2)
  expect(agent?.status()).toMatchObject([{ connected: true }])
})

test('the status tells every minute what was sent, what waits and how far the clock is off', async () => {
  const clock = handClock(startMs)
  await start({}, clock)
  const asked = broker.statuses[0]?.atMs
  clock.advance(200)
  await broker.say('gw-1', 'command', { kind: 'time', id: String(asked), houseMs: startMs + 100 - 5000 })
  // Heard in order: once it is reborn it has taken the time too.
  await broker.say('gw-1', 'command', { kind: 'rebirth', id: 'x' })
  await broker.until(() => broker.births.length === 2)
  const taken = push([of('gauge-1', 1)])
  while (broker.packs.length === 0) {
    clock.advance(1)
    await new Promise(setImmediate)
  }
  await taken
  // The PUBACK comes after the broker has it: the status after that knows.
  while (broker.statuses.at(-1)?.acknowledgedReadings !== 1) {
    clock.advance(60_000)
    const told = broker.statuses.length
    await broker.until(() => broker.statuses.length > told)
  }
  expect(broker.statuses.at(-1)).toMatchObject({
    state: 'online',
    nextSequence: 1,
    sentReadings: 1,
    droppedReadings: 0,
    droppedBy: { bytes: 0, age: 0, damaged: 0 },
    waitingReadings: 0,
  })
  // Asked at 0, answered at 200 ms of ours: the house's clock was read half-way.
  expect(broker.statuses.at(-1)?.clockOffsetMs).toBe(5000)
})

test('a reading that goes out twice counts once as sent, also over a restart', async () => {
  await start()
  broker.gate = new Promise(() => {})
  await push([of('gauge-1', 1)])
  await agent?.stop()
  broker.gate = Promise.resolve()
  await start()
  await broker.until(() => broker.packs.length > 0)
  await broker.say('gw-1', 'command', { kind: 'rebirth', id: 'x' })
  await broker.until(() => broker.statuses.at(-1)?.acknowledgedReadings === 1)
  expect(broker.statuses.at(-1)).toMatchObject({ sentReadings: 1, waitingReadings: 0 })
})

test('a command to measure faster reaches the sources, and its end is told in the gateway’s own clock', async () => {
  const clock = handClock(startMs)
  const commands: unknown[] = []
  const line = await openLine({
    ...{ districtId: 'jingan', gateway: { id: 'gw-1', password: 'p' }, brokerUrl: broker.url, dir: folder.path, clock },
    ...{ software: 'test', wording: { format: 'senml', metered: false }, limits: {}, emergencyRules: [] },
    ...{ outputs: new Set<string>(), configurationTrialMs: 60_000, log: silentLog(), random: () => 0 },
    steering: { configure: async () => {}, sampleFaster: command => void commands.push(command) },
    ...{ onPublished: () => {}, onDropped: () => {}, onStanding: () => {} },
  })
  await broker.until(() => broker.listeners.has('gw-1') && broker.statuses.length > 0)
  // The gateway's clock is an hour ahead.
  const houseMs = startMs - 3_600_000
  await broker.say('gw-1', 'command', { kind: 'time', id: String(startMs), houseMs })
  const faster = { sensors: ['gauge-1'], periodS: 5, untilMs: houseMs + 900_000 }
  await broker.say('gw-1', 'command', { kind: 'sample', id: 'a', ...faster })
  await broker.say('gw-1', 'command', { kind: 'sample', id: 'b', ...faster, periodS: null })
  await broker.say('gw-1', 'command', { kind: 'rebirth', id: 'c' })
  await broker.until(() => broker.births.length === 2)
  expect(commands).toMatchObject([
    { sensors: ['gauge-1'], periodS: 5, untilMs: startMs + 900_000 },
    { sensors: ['gauge-1'], periodS: null },
  ])
  await line.close()
})

test('a device that pushes is told in the answer which of its sensors to measure more often, until the time is over', async () => {
  const clock = handClock(startMs)
  await start({}, clock)
  const answerTo = async (name: string) => {
    const answer = pushed([of(name, 1)])
    while (agent?.status()[0]?.taken === taken) {
      clock.advance(1)
      await new Promise(setImmediate)
    }
    taken = agent?.status()[0]?.taken ?? 0
    return await (await answer).text()
  }
  let taken = 0
  expect(await answerTo('gauge-1')).toBe('')
  const untilMs = startMs + 900_000
  await broker.say('gw-1', 'command', { kind: 'sample', id: 'a', sensors: ['gauge-1'], periodS: 5, untilMs })
  await broker.say('gw-1', 'command', { kind: 'rebirth', id: 'b' })
  await broker.until(() => broker.births.length === 2)
  expect(JSON.parse(await answerTo('gauge-1'))).toEqual({ taken: 1, faults: [], samplingS: { 'gauge-1': 5 } })
  expect(await answerTo('gauge-2')).toBe('')
  clock.advance(900_000)
  expect(await answerTo('gauge-1')).toBe('')
})
