import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigurationReport, type SentConfiguration } from '@forewarn/contracts/gateway-configuration'
import { GatewayConfiguration } from '@forewarn/contracts/gateway-messages'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  innerToken,
  nextMessage,
  startTestBroker,
  type TestBroker,
  whenClosed,
  whenConnected,
} from '../broker-fixture.ts'
import type { BrokerOptions } from '../start.ts'
import { versionBefore } from './configurations.ts'

let dataDir: string
let house: TestBroker
const users = { 'gw-1': {}, 'gw-2': {}, dispatcher: { role: 'dispatcher' as const } }

async function start(more: Partial<BrokerOptions> = {}) {
  house = await startTestBroker(users, { dataDir, ...more })
}

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'forewarn-configurations-'))
  await start()
})
afterEach(async () => {
  await house.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

/** Asks the inner server about the configuration of a gateway. */
async function ask(method: string, { gateway = 'gw-1', body = '', path = '' } = {}) {
  const response = await fetch(new URL(`/gateways/${gateway}/configuration${path}`, house.broker.url), {
    method,
    headers: { authorization: `Bearer ${innerToken}`, ...(body === '' ? {} : { 'content-type': 'application/json' }) },
    ...(body === '' ? {} : { body }),
  })
  const answer: unknown = await response.json()
  return { status: response.status, answer }
}

const configure = (settings: object, gateway = 'gw-1') =>
  ask('PUT', { gateway, body: JSON.stringify({ settings, by: 'Li Wei' }) })
const report = async () => ConfigurationReport.parse((await ask('GET')).answer)

/** What a gateway that comes now finds on its channel. */
async function found(gateway = 'gw-1') {
  const client = house.client(gateway)
  const told = nextMessage(client)
  await whenConnected(client)
  await client.subscribeAsync(`fw/1/jingan/${gateway}/config`, { qos: 1 })
  const [topic, text] = await told
  await client.endAsync()
  expect(topic).toBe(`fw/1/jingan/${gateway}/config`)
  return GatewayConfiguration.parse(JSON.parse(text))
}

async function sayStatus(gateway: string, status: object): Promise<void> {
  const client = await house.connected(gateway)
  await client.publishAsync(`fw/1/jingan/${gateway}/status`, JSON.stringify(status), { qos: 1 })
  await client.endAsync()
}

test('what is sent is counted up for each gateway, and is there for one that comes later', async () => {
  expect(await configure({ metered: true })).toEqual({ status: 200, answer: { id: 'gw-1', version: 1 } })
  expect(await configure({ metered: false })).toMatchObject({ answer: { version: 2 } })
  expect(await configure({ format: 'columns' }, 'gw-2')).toMatchObject({ answer: { version: 1 } })
  expect(await found()).toEqual({ version: 2, settings: { metered: false } })
  expect(await found('gw-2')).toEqual({ version: 1, settings: { format: 'columns' } })
})

test('a gateway that listens is told at once', async () => {
  const gateway = await house.connected('gw-1')
  await gateway.subscribeAsync('fw/1/jingan/gw-1/config', { qos: 1 })
  const told = nextMessage(gateway)
  await configure({ batchLingerMs: 50 })
  expect(JSON.parse((await told)[1])).toEqual({ version: 1, settings: { batchLingerMs: 50 } })
})

test('the report says who sent what and when, and what the gateway makes of it', async () => {
  expect(await report()).toEqual({ id: 'gw-1', state: 'never-sent', earlier: [] })
  await configure({ metered: true })
  const sent = { version: 1, settings: { metered: true }, sentAtMs: house.clock.nowMs(), by: 'Li Wei' }
  expect(await report()).toEqual({ id: 'gw-1', state: 'waiting', sent, earlier: [] })
  await sayStatus('gw-1', { state: 'online', configuration: 1, configurationOnTrial: true })
  expect(await report()).toMatchObject({ state: 'on-trial' })
  await sayStatus('gw-1', { state: 'online', configuration: 1, configurationOnTrial: false })
  expect(await report()).toMatchObject({ state: 'running', said: { state: 'online', configuration: 1 } })
  await configure({ metered: 3 })
  expect(await report()).toMatchObject({ state: 'waiting', earlier: [{ version: 1 }] })
  const refusedConfiguration = { version: 2, reason: 'metered: expected boolean' }
  await sayStatus('gw-1', { state: 'online', configuration: 1, refusedConfiguration })
  expect(await report()).toMatchObject({ state: 'refused', said: { configuration: 1, refusedConfiguration } })
  // A will names nothing: what it ran on before still holds.
  await sayStatus('gw-1', { state: 'offline' })
  expect(await report()).toMatchObject({ state: 'refused', said: { state: 'offline', configuration: 1 } })
  await configure({ metered: false })
  await sayStatus('gw-1', { state: 'online', configuration: 3 })
  const last = await report()
  expect(last.state).toBe('running')
  expect(last.said?.refusedConfiguration).toBeUndefined()
})

test('a gateway can speak for itself only', async () => {
  await configure({ metered: true })
  const other = await house.connected('gw-2')
  const lie = JSON.stringify({ state: 'online', configuration: 1 })
  // Acknowledged or cut off: by then the broker has judged it.
  await Promise.race([other.publishAsync('fw/1/jingan/gw-1/status', lie, { qos: 1 }), whenClosed(other)])
  expect(await report()).toMatchObject({ state: 'waiting' })
})

test('back sends the settings of the version before as a new version, and back again those before them', async () => {
  await configure({ batchLingerMs: 1 })
  await configure({ batchLingerMs: 2 })
  await configure({ batchLingerMs: 3 })
  expect((await ask('POST', { path: '/back' })).answer).toEqual({ id: 'gw-1', version: 4, restores: 2 })
  expect(await found()).toEqual({ version: 4, settings: { batchLingerMs: 2 } })
  expect((await ask('POST', { path: '/back' })).answer).toEqual({ id: 'gw-1', version: 5, restores: 1 })
  expect(await found()).toEqual({ version: 5, settings: { batchLingerMs: 1 } })
  expect(await ask('POST', { path: '/back' })).toMatchObject({ status: 409 })
  expect((await report()).sent?.version).toBe(5)
})

test('back after a roll-back and something new goes to what ran before it', () => {
  const sent = (version: number, restores?: number): SentConfiguration => ({
    ...{ version, settings: {}, sentAtMs: 0 },
    ...(restores === undefined ? {} : { restores }),
  })
  expect(versionBefore([sent(1), sent(2), sent(3, 1), sent(4)])).toEqual(sent(3, 1))
  expect(versionBefore([sent(1), sent(2), sent(3, 1)])).toBeUndefined()
  expect(versionBefore([])).toBeUndefined()
})

test('deleted, the gateway is sent back to its own settings file under a version of its own', async () => {
  await configure({ metered: true })
  expect((await ask('DELETE')).answer).toEqual({ id: 'gw-1', version: 2 })
  expect(await found()).toEqual({ version: 2, settings: {} })
})

test('version and history outlive the broker, readable by their owner only, and the last ten are kept', async () => {
  for (let number = 1; number <= 12; number++) await configure({ batchLingerMs: number })
  await house.stop()
  await start()
  expect(await configure({ batchLingerMs: 13 })).toMatchObject({ answer: { version: 13 } })
  expect((await report()).earlier.map(({ version }) => version)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4])
  expect(statSync(join(dataDir, 'configurations', 'gw-1.json')).mode & 0o777).toBe(0o600)
})

test('what was written and never retained is sent at the next start', async () => {
  await configure({ batchLingerMs: 1 })
  await configure({ batchLingerMs: 2 })
  await house.stop()
  // Killed between the two files: the retained one is still that of before.
  const file = join(dataDir, 'retained.json')
  const [topic = ''] = Object.keys(JSON.parse(readFileSync(file, 'utf8')))
  const before = Buffer.from('{"version":1,"settings":{"batchLingerMs":1}}').toString('base64')
  writeFileSync(file, JSON.stringify({ [topic]: before }))
  await start()
  expect(await found()).toEqual({ version: 2, settings: { batchLingerMs: 2 } })
})

test('a house that lost its count goes on from what the gateway knows', async () => {
  await sayStatus('gw-1', { state: 'online', configuration: 7, refusedConfiguration: { version: 9, reason: 'no' } })
  expect(await configure({})).toMatchObject({ answer: { version: 10 } })
  await sayStatus('gw-1', { state: 'online', configuration: Number.MAX_SAFE_INTEGER })
  expect(await configure({})).toMatchObject({ answer: { version: 11 } })
})

test.each([
  ['no such gateway', 'PUT', { gateway: 'gw-9', body: '{"settings":{}}' }, 404],
  ['a dispatcher has none', 'PUT', { gateway: 'dispatcher', body: '{"settings":{}}' }, 404],
  ['no settings', 'PUT', { body: '{}' }, 400],
  ['settings that are a list', 'PUT', { body: '{"settings":[]}' }, 400],
  ['a version of its own', 'PUT', { body: '{"version":3,"settings":{}}' }, 400],
  ['not JSON', 'PUT', { body: '{' }, 400],
  ['too large', 'PUT', { body: JSON.stringify({ settings: { a: 'x'.repeat(300_000) } }) }, 413],
  ['nothing to go back to', 'POST', { path: '/back' }, 409],
])('refused with a reason: %s', async (_, method, asked, status) => {
  const refused = await ask(method, asked)
  expect(refused).toMatchObject({ status, answer: { title: expect.stringMatching(/\w+ \w+/) } })
  expect(await report()).toMatchObject({ state: 'never-sent' })
})

test('two at once get two versions', async () => {
  const answers = await Promise.all([configure({ batchLingerMs: 1 }), configure({ batchLingerMs: 2 })])
  expect(answers.map(({ answer }) => answer)).toEqual([
    { id: 'gw-1', version: 1 },
    { id: 'gw-1', version: 2 },
  ])
})

test('a broker without room to retain it says so, and sends it to whoever listens', async () => {
  await house.stop()
  await start({ limits: { maxRetained: 0 } })
  const gateway = await house.connected('gw-1')
  await gateway.subscribeAsync('fw/1/jingan/gw-1/config', { qos: 1 })
  const told = nextMessage(gateway)
  expect(await configure({ metered: true })).toMatchObject({ status: 507 })
  expect(JSON.parse((await told)[1])).toMatchObject({ version: 1 })
})

test('a damaged file stops the broker from starting, and is named', async () => {
  await configure({ metered: true })
  await house.stop()
  const file = join(dataDir, 'configurations', 'gw-1.json')
  const whole = readFileSync(file, 'utf8')
  writeFileSync(file, whole.slice(0, 20))
  await expect(start()).rejects.toThrow(file)
  writeFileSync(file, whole)
  await start()
})
