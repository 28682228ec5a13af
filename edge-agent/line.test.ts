import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { formatSenml } from '@forewarn/contracts/senml'
import { liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { Aedes } from 'aedes'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startTestBroker, type TestBroker, temporaryFolder } from './broker-fixture.ts'
import { EmergencyRule } from './emergency.ts'
import { Outputs } from './outputs.ts'
import { type AgentGateway, type EdgeAgent, startEdgeAgent } from './start.ts'

const token = 'push-token'
let broker: TestBroker
let agent: EdgeAgent | undefined
let folder: ReturnType<typeof temporaryFolder>
let relay: Relay

beforeEach(async () => {
  folder = temporaryFolder()
  broker = await startTestBroker()
  relay = await startRelay()
})
afterEach(async () => {
  await agent?.stop()
  agent = undefined
  await broker.stop()
  relay.server.close()
  folder[Symbol.dispose]()
})

interface Relay {
  readonly server: Server
  readonly url: string
  /** What it was told, in order. */
  readonly told: string[]
  /** Answers so many times that it cannot. */
  refusals: number
}

/** A relay on the local network: what it is told over HTTP. */
async function startRelay(): Promise<Relay> {
  const told: string[] = []
  const server = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => {
      if (one.refusals-- > 0) response.statusCode = 500
      else told.push(text)
      response.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const one: Relay = { server, url: `http://127.0.0.1:${port}/relay/1`, told, refusals: 0 }
  return one
}

const rule = {
  ...{ rule: 'deep-water', place: 'west', hazard: 'waterlogging', sensor: 'depth-1', above: 0.25, clear: 0.05 },
  ...{ clearHoldS: 0, cutForS: 0, outputs: ['siren'] },
}

async function start(gateway: Partial<AgentGateway> = {}, outputs = {}) {
  agent = await startEdgeAgent({
    districtId: 'jingan',
    gateways: [{ id: 'gw-1', password: 'p', ...gateway }],
    brokerUrl: broker.url,
    dataDir: folder.path,
    clock: liveClock(),
    log: silentLog(),
    metrics: createMetrics(),
    push: { host: '127.0.0.1', port: 0, token },
    outbox: { lingerMs: 0 },
    outputs: Outputs.parse({ siren: { kind: 'command', url: relay.url, on: 'on', off: 'off' }, ...outputs }),
  })
  return agent
}

async function measure(depthM: number): Promise<void> {
  const answer = await fetch(`${agent?.pushUrl}/push/gw-1`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: formatSenml([{ name: 'depth-1', timeMs: liveClock().nowMs(), value: depthM }]),
  })
  expect(answer.status).toBe(204)
}

const emergencyRules = [EmergencyRule.parse(rule)]

test('with the uplink cut, deep water switches the siren; the house hears of it when the uplink is back', async () => {
  await broker.cut()
  relay.refusals = 1
  await start({ emergencyRules })
  await measure(0.1)
  expect(relay.told).toEqual([])
  await measure(0.3)
  await expect.poll(() => relay.told, { timeout: 20_000 }).toEqual(['on'])
  await broker.restore()
  await broker.until(() => broker.alarms.length === 1)
  expect(broker.alarms[0]).toMatchObject({ rule: 'deep-water', sensor: 'depth-1', value: 0.3, outputs: ['siren'] })
  await measure(0)
  await broker.until(() => broker.alarms.length === 2)
  expect(broker.alarms[1]).toMatchObject({ id: broker.alarms[0]?.id, clearedAtMs: expect.any(Number) })
  await expect.poll(() => relay.told, { timeout: 20_000 }).toEqual(['on', 'off'])
})

test('with the uplink up, the house decides and nothing is switched here', async () => {
  await start({ emergencyRules })
  await broker.until(() => broker.births.length > 0)
  await measure(0.3)
  await broker.until(() => broker.packs.length > 0)
  expect(relay.told).toEqual([])
  expect(broker.alarms).toEqual([])
})

test('an alarm that stands and one that is over outlive a restart, and the siren goes off at last', async () => {
  await broker.cut()
  await start({ emergencyRules })
  await measure(0.3)
  await expect.poll(() => relay.told, { timeout: 20_000 }).toEqual(['on'])
  await agent?.stop()
  await start({ emergencyRules })
  await measure(0)
  // Once more on, for the relay may have been restarted as well, and then off.
  await expect.poll(() => relay.told.at(-1), { timeout: 20_000 }).toBe('off')
  await agent?.stop()
  await broker.restore()
  await start({ emergencyRules })
  await broker.until(() => broker.alarms.length > 0)
  expect(broker.alarms).toMatchObject([{ value: 0.3, clearedAtMs: expect.any(Number) }])
})

test('an alarm is forgotten at its PUBACK and not before', async () => {
  broker.gate = new Promise(() => {})
  await start({ emergencyRules: [EmergencyRule.parse({ ...rule, armed: 'always', outputs: [] })] })
  await measure(0.3)
  await agent?.stop()
  broker.gate = Promise.resolve()
  await start()
  await broker.until(() => broker.alarms.length === 1)
  await agent?.stop()
  const births = broker.births.length
  await start()
  await broker.until(() => broker.births.length > births)
  await measure(0)
  await broker.until(() => broker.packs.length > 1)
  expect(broker.alarms).toHaveLength(1)
})

test('an output may be a local broker’s topic', async () => {
  const aedes = await Aedes.createBroker()
  const said: string[] = []
  aedes.authorizePublish = (_client, { topic, payload }, done) => {
    said.push(`${topic} ${payload}`)
    done(null)
  }
  const { createServer: createTcp } = await import('node:net')
  const local = createTcp(aedes.handle).listen(0, '127.0.0.1')
  await once(local, 'listening')
  const address = local.address()
  const port = typeof address === 'object' ? address?.port : 0
  const barrier = { kind: 'mqtt', brokerUrl: `mqtt://127.0.0.1:${port}`, topic: 'barrier/1/set', on: 'DOWN' }
  const always = EmergencyRule.parse({ ...rule, armed: 'always', outputs: ['barrier'] })
  await start({ emergencyRules: [always] }, { barrier })
  await measure(0.3)
  await expect.poll(() => said, { timeout: 20_000 }).toEqual(['barrier/1/set DOWN'])
  local.close()
  await new Promise<void>(resolve => aedes.close(() => resolve()))
})

test('a configuration from afar takes hold at once, and one that names a foreign output is refused whole', async () => {
  await start()
  await broker.until(() => broker.listeners.has('gw-1') && broker.statuses.length > 0)
  const armed = { ...rule, armed: 'always' }
  await broker.say(
    'gw-1',
    'config',
    { version: 1, settings: { emergencyRules: [armed], metered: true } },
    { retain: true },
  )
  await broker.until(() => broker.statuses.at(-1)?.configuration === 1)
  await measure(0.3)
  await expect.poll(() => relay.told, { timeout: 20_000 }).toEqual(['on'])
  await broker.until(() => broker.topics.includes('fw/1/jingan/gw-1/readings/zstd'))
  const foreign = { ...armed, outputs: ['floodgate'] }
  await broker.say('gw-1', 'config', { version: 2, settings: { emergencyRules: [foreign] } })
  await broker.until(() => broker.statuses.at(-1)?.refusedConfiguration?.version === 2)
  expect(broker.statuses.at(-1)).toMatchObject({
    configuration: 1,
    refusedConfiguration: { reason: expect.stringContaining('"floodgate" is not one that this agent') },
  })
})
