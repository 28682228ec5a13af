import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MqttClient } from 'mqtt'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { nextMessage, startTestBroker, type TestBroker, whenClosed, whenConnected } from './broker-fixture.ts'

/** The machine may be busy. */
const patiently = { timeout: 20_000 }

let dataDir: string
let house: TestBroker

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'forewarn-broker-'))
  house = await startTestBroker({ 'gw-1': {}, 'gw-2': {} }, { dataDir })
})
afterEach(async () => {
  await house.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const secret = 'a secret of the gateway’s own making'
const Answer = z.object({
  state: z.string(),
  fingerprint: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  reason: z.string().optional(),
})

async function claimKey(uses = 5): Promise<string> {
  const { answer } = await house.ask('/gateways/claim-keys', { uses, forS: 3600 })
  return z.object({ key: z.string() }).parse(answer).key
}

/** Connects as a new gateway. */
function claimant(id: string, key: string): Promise<MqttClient> {
  return whenConnected(house.client('claim', { clientId: `claim/${id}`, password: key }))
}

/** Says its secret, and resolves with the answer. */
async function claim(client: MqttClient, id: string, ownSecret = secret) {
  const answered = nextMessage(client)
  await client.publishAsync(`fw/1/jingan/${id}/claim`, JSON.stringify({ secret: ownSecret }), { qos: 1 })
  return Answer.parse(JSON.parse((await answered)[1]))
}

async function restart(): Promise<void> {
  await house.stop()
  house = await startTestBroker({ 'gw-1': {}, 'gw-2': {} }, { dataDir })
}

test('a new gateway claims, a person compares the fingerprint, and its own credential goes to that connection only', async () => {
  const key = await claimKey()
  const other = await claimant('gw-8', key)
  let heardByOther = 0
  other.on('message', () => heardByOther++)
  const gateway = await claimant('gw-9', key)
  const first = await claim(gateway, 'gw-9')
  expect(first.state).toBe('pending')
  const { answer } = await house.ask('/gateways/pending')
  expect(answer).toMatchObject([{ gateway: 'gw-9', fingerprint: first.fingerprint, address: '127.0.0.1' }])
  expect((await house.ask('/gateways/gw-9/approve', { fingerprint: '0000-0000-0000-0000' })).status).toBe(404)
  const told = nextMessage(gateway)
  expect((await house.ask('/gateways/gw-9/approve', { fingerprint: first.fingerprint })).status).toBe(200)
  const given = Answer.parse(JSON.parse((await told)[1]))
  expect(given).toMatchObject({ state: 'approved', username: 'gw-9' })
  const taken = await whenConnected(house.client('gw-9', { password: given.password ?? '' }))
  await taken.publishAsync('fw/1/jingan/gw-9/readings', '[]', { qos: 1 })
  expect(house.published).toMatchObject([{ gateway: 'gw-9', topic: 'fw/1/jingan/gw-9/readings' }])
  expect(heardByOther).toBe(0)
  expect(readFileSync(join(dataDir, 'gateways.json'), 'utf8')).not.toContain(given.password)
})

test('a claim cut off anywhere is said again, also after a restart, and ends with one credential that works', async () => {
  const key = await claimKey(1)
  const first = await claimant('gw-9', key)
  const { fingerprint } = await claim(first, 'gw-9')
  await restart()
  // The key is used up, but it has paid for this gateway.
  const second = await claimant('gw-9', key)
  await second.endAsync(true)
  await house.ask('/gateways/gw-9/approve', { fingerprint })
  await restart()
  const third = await claimant('gw-9', key)
  const lost = await claim(third, 'gw-9')
  expect(lost.state).toBe('approved')
  // It is acknowledged by now, perhaps not yet noted: either way the last credential is the one that opens.
  await third.endAsync()
  await restart()
  expect(await house.refusalOf('gw-9', { password: lost.password ?? '' })).toBe('let in')
})

test('a credential that was never acknowledged is replaced by a new one at the next claim', async () => {
  const key = await claimKey(1)
  const early = await claimant('gw-9', key)
  const { fingerprint } = await claim(early, 'gw-9')
  // Takes its credential and dies before it can say so.
  early.on('packetreceive', packet => packet.cmd === 'publish' && early.stream.destroy())
  const died = whenClosed(early)
  await house.ask('/gateways/gw-9/approve', { fingerprint })
  await died
  const again = await claim(await claimant('gw-9', key), 'gw-9')
  expect(again.state).toBe('approved')
  expect(await house.refusalOf('gw-9', { password: again.password ?? '' })).toBe('let in')
})

test('a claim key is limited in number and time, and can be taken back', async () => {
  const key = await claimKey(1)
  await claim(await claimant('gw-8', key), 'gw-8')
  expect(await house.refusalOf('claim', { clientId: 'claim/gw-9', password: key })).toBe(4)
  const second = await claimKey(1)
  house.clock.advance(3_600_000)
  expect(await house.refusalOf('claim', { clientId: 'claim/gw-9', password: second })).toBe(4)
  const third = await claimKey(1)
  const id = third.split('.')[1] ?? ''
  await house.ask(`/gateways/claim-keys/${id}/revoke`, {})
  expect(await house.refusalOf('claim', { clientId: 'claim/gw-9', password: third })).toBe(4)
  expect(await house.refusalOf('claim', { clientId: 'claim/gw-9', password: 'fwc.00000000.guess' })).toBe(4)
})

test('nobody claims the name of a gateway that is in, or one that somebody else claims', async () => {
  const key = await claimKey()
  expect(await claim(await claimant('gw-1', key), 'gw-1')).toEqual({ state: 'refused', reason: 'gateway-is-taken-in' })
  await claim(await claimant('gw-9', key), 'gw-9')
  const thief = await claim(await claimant('gw-9', key), 'gw-9', 'another secret of enough length')
  expect(thief).toEqual({ state: 'refused', reason: 'somebody-else-claims-this-id' })
  expect(await house.refusalOf('claim', { clientId: 'gw-1', password: key })).toBe(4)
})

test('a claimant reaches nothing but its claim', async () => {
  const gateway = await claimant('gw-9', await claimKey())
  await expect(gateway.subscribeAsync('fw/1/jingan/gw-1/command')).rejects.toThrow('Subscribe error')
  await gateway.publishAsync('fw/1/jingan/gw-1/readings', '[]', { qos: 1 })
  expect(house.published).toEqual([])
})

test('a gateway that is sent away is closed and must claim anew', async () => {
  const key = await claimKey()
  const gateway = await claimant('gw-9', key)
  await claim(gateway, 'gw-9')
  const closed = whenClosed(gateway)
  expect((await house.ask('/gateways/gw-9/reject', {})).status).toBe(200)
  await closed
  expect((await house.ask('/gateways/pending')).answer).toEqual([])
})

test('a revoked gateway is cut off at once, its will says nothing, and it stays out over a restart', async () => {
  const will = {
    topic: 'fw/1/jingan/gw-1/status',
    payload: Buffer.from('{"state":"offline"}'),
    qos: 1,
    retain: true,
  } as const
  const gateway = await house.connected('gw-1', { will, clean: false })
  await gateway.subscribeAsync('fw/1/jingan/gw-1/command', { qos: 1 })
  const closed = whenClosed(gateway)
  expect((await house.ask('/gateways/gw-1/revoke', {})).status).toBe(200)
  await closed
  expect(house.published).toEqual([])
  const { answer } = await house.ask('/health')
  expect(answer).toMatchObject({ process: 'broker', figures: { sessions: 0 } })
  expect(await house.refusalOf('gw-1')).toBe(4)
  await restart()
  expect(await house.refusalOf('gw-1')).toBe(4)
  expect(await house.refusalOf('gw-2')).toBe('let in')
})

test('a rotated password shuts the old one out at once, or after its grace', async () => {
  const Made = z.object({ password: z.string() })
  const gateway = await house.connected('gw-1')
  const closed = whenClosed(gateway)
  const { password } = Made.parse((await house.ask('/gateways/gw-1/rotate', {})).answer)
  await closed
  expect([await house.refusalOf('gw-1'), await house.refusalOf('gw-1', { password })]).toEqual([4, 'let in'])
  const { answer } = await house.ask('/gateways')
  expect(answer).toMatchObject([{ id: 'gw-1', renewedAtMs: house.clock.nowMs() }, { id: 'gw-2' }])
  const next = Made.parse((await house.ask('/gateways/gw-1/rotate', { graceS: 60 })).answer)
  expect(await house.refusalOf('gw-1', { password })).toBe('let in')
  house.clock.advance(61_000)
  expect([await house.refusalOf('gw-1', { password }), await house.refusalOf('gw-1', next)]).toEqual([4, 'let in'])
})

test('a token opens until it expires, and its connection ends with it', async () => {
  const { answer } = await house.ask('/gateways/gw-1/tokens', { forS: 600 })
  const { token } = z.object({ token: z.string() }).parse(answer)
  const gateway = await whenConnected(house.client('gw-1', { password: token }))
  const closed = whenClosed(gateway)
  house.clock.advance(660_000)
  await closed
  expect(await house.refusalOf('gw-1', { password: token })).toBe(4)
  expect(await house.refusalOf('gw-1')).toBe('let in')
})

test('the file of credentials is whole and readable by its owner only', async () => {
  await house.ask('/gateways/gw-1/rotate', {})
  const file = join(dataDir, 'gateways.json')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ version: 1, gateways: { 'gw-1': {} } })
})

test('what makes no sense is refused with a reason, and without the inner token nothing is told', async () => {
  expect(await house.ask('/gateways/gw-1/rights', { subscribe: ['a/#/b'] })).toMatchObject({ status: 400 })
  expect(await house.ask('/gateways/nobody/rotate', {})).toMatchObject({ status: 404 })
  const response = await fetch(new URL('/gateways', house.broker.url))
  expect(response.status).toBe(401)
})

test('a password hashed with scrypt opens, and is kept under argon2id from then on', async () => {
  const { scryptSync } = await import('node:crypto')
  const salt = Buffer.alloc(16, 3)
  const hash = scryptSync('from an older house', salt, 32, { N: 1024, r: 8, p: 1 }).toString('base64')
  const passwordHash = `scrypt$1024$8$1$${salt.toString('base64')}$${hash}`
  await house.stop()
  house = await startTestBroker({}, { dataDir, credentials: new Map([['gw-3', { passwordHash }]]) })
  expect(await house.refusalOf('gw-3', { password: 'from an older house' })).toBe('let in')
  await expect.poll(() => readFileSync(join(dataDir, 'gateways.json'), 'utf8'), patiently).toContain('$argon2id$')
  expect(await house.refusalOf('gw-3', { password: 'from an older house' })).toBe('let in')
})

test('a message down that is retained is there for a gateway that comes after a restart of the broker', async () => {
  house.broker.send({ gateway: 'gw-1', topic: 'fw/1/jingan/gw-1/config', payload: '{"version":7}', retain: true })
  await restart()
  const gateway = house.client('gw-1')
  const told = nextMessage(gateway)
  await whenConnected(gateway)
  await gateway.subscribeAsync('fw/1/jingan/gw-1/config', { qos: 1 })
  expect(await told).toEqual(['fw/1/jingan/gw-1/config', '{"version":7}'])
  expect(statSync(join(dataDir, 'retained.json')).mode & 0o777).toBe(0o600)
})

test('a message down reaches the gateway it is for and no other', async () => {
  const [one, two] = [await house.connected('gw-1'), await house.connected('gw-2')]
  await one.subscribeAsync('fw/1/jingan/gw-1/command', { qos: 1 })
  await two.subscribeAsync('fw/1/jingan/gw-2/command', { qos: 1 })
  let heardByTwo = 0
  two.on('message', () => heardByTwo++)
  const told = nextMessage(one)
  house.broker.send({ gateway: 'gw-1', topic: 'fw/1/jingan/gw-1/command', payload: '{"kind":"rebirth","id":"1"}' })
  expect(await told).toEqual(['fw/1/jingan/gw-1/command', '{"kind":"rebirth","id":"1"}'])
  expect(heardByTwo).toBe(0)
})
