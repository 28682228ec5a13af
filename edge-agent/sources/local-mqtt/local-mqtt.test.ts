import { once } from 'node:events'
import { createServer } from 'node:net'
import { handClock } from '@forewarn/runtime/clock'
import { Aedes } from 'aedes'
import { connectAsync } from 'mqtt'
import { expect, onTestFinished, test } from 'vitest'
import { startSource } from '../source-fixture.ts'
import { matchesFilter } from './payload.ts'

/** A machine that runs many tests at once takes its time. */
function eventually<T>(look: () => T) {
  return expect.poll(look, { timeout: 20_000 })
}

const t0 = Date.UTC(2026, 10, 22, 12)

async function startBroker() {
  const aedes = await Aedes.createBroker({ concurrency: 0 })
  const server = createServer(aedes.handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `mqtt://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  const device = await connectAsync(url, { protocolVersion: 4 })
  onTestFinished(async () => {
    await device.endAsync(true)
    await new Promise<void>(resolve => aedes.close(() => resolve()))
    await new Promise(resolve => server.close(resolve))
  })
  return {
    url,
    aedes,
    say: (topic: string, payload: string, retain = false) => device.publishAsync(topic, payload, { qos: 1, retain }),
  }
}

async function started(broker: { url: string; aedes: Aedes }, sensors: readonly object[]) {
  const profile = { source: 'local-mqtt', gateway: 'gw-1', broker: { url: broker.url }, clientId: 'agent-1', sensors }
  const subscribed = once(broker.aedes, 'subscribe')
  const agent = await startSource(JSON.stringify(profile), { clock: handClock(t0) })
  onTestFinished(() => agent.source.stop())
  await subscribed
  await eventually(() => agent.source.status().state).toBe('running')
  return agent
}

test('plain and JSON payloads become readings by topic and path', async () => {
  const broker = await startBroker()
  const agent = await started(broker, [
    { sensor: 'depth', topic: 'site/+/depth', scale: 0.01, unit: 'm', never: [-1] },
    { sensor: 'pump', topic: 'site/pump', path: 'state', words: { ON: 1, OFF: 0 } },
    { sensor: 'flow', topic: 'site/pump', path: 'meter.0.flow', time: { path: 'at', zone: 'Asia/Shanghai' } },
    { sensor: 'door', topic: 'site/door', path: 'open' },
  ])
  await broker.say('site/a/depth', '25')
  await broker.say('site/pump', '{"state":"ON"}')
  await broker.say('site/pump', '{"at":"2026-11-22T19:00:00","meter":[{"flow":"1.5"}]}')
  await broker.say('site/door', '{"open":true}')
  await broker.say('site/a/depth', '-1')
  await agent.until(() => agent.taken.length === 5)
  expect(agent.taken).toMatchObject([
    { name: 'depth', value: 0.25, unit: 'm', timeMs: t0, backlog: false },
    { name: 'pump', value: 1 },
    { name: 'flow', value: 1.5, timeMs: t0 - 3_600_000, backlog: true },
    { name: 'door', value: 1 },
    { name: 'depth', quality: 'missing' },
  ])
})

test('what is no number is refused with its topic, and an old retained value is not taken for a new one', async () => {
  const broker = await startBroker()
  await broker.say('site/depth', '77', true)
  const agent = await started(broker, [{ sensor: 'depth', topic: 'site/depth' }])
  await broker.say('site/depth', 'wet')
  await broker.say('site/depth', '5')
  await agent.until(() => agent.taken.length === 1)
  expect(agent.taken).toMatchObject([{ value: 5 }])
  expect(agent.refused).toMatchObject([{ reason: 'bad-payload', detail: 'site/depth for depth: "wet" is no number' }])
  expect(agent.source.status().counts).toMatchObject({ retained: 1, bad: 1 })
})

test('a message that could not be kept comes again, and so does what was said while the agent was away', async () => {
  const broker = await startBroker()
  const sensors = [{ sensor: 'depth', topic: 'site/depth' }]
  const first = await started(broker, sensors)
  first.diskFull = true
  await broker.say('site/depth', '1')
  await eventually(() => first.source.status().counts['not-kept']).toBe(1)
  first.diskFull = false
  await first.until(() => first.taken.length === 1)
  await first.source.stop()
  await broker.say('site/depth', '2')
  await broker.say('site/depth', '3')
  const second = await started(broker, sensors)
  await second.until(() => second.taken.length === 2)
  expect(second.taken.map(({ value }) => value)).toEqual([2, 3])
})

test('filters match as MQTT has it', () => {
  expect(matchesFilter('a/+/c', 'a/b/c')).toBe(true)
  expect(matchesFilter('a/#', 'a/b/c')).toBe(true)
  expect(matchesFilter('a/+', 'a/b/c')).toBe(false)
  expect(matchesFilter('a/b/c', 'a/b')).toBe(false)
  expect(matchesFilter('#', '$SYS/uptime')).toBe(false)
})
