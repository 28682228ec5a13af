import { afterEach, expect, test } from 'vitest'
import { nextMessage, startTestBroker, type TestBroker, whenClosed } from './broker-fixture.ts'
import { connectionDoor, networkOf } from './entry/address-limits.ts'
import { loginGuard } from './entry/login-guard.ts'
import { defaultLimits, parseLimits } from './limits.ts'
import { publishPace } from './publish-pace.ts'

/** The machine may be busy. */
const patiently = { timeout: 20_000 }

let house: TestBroker | undefined
afterEach(async () => {
  await house?.stop()
  house = undefined
})

async function start(limits: Partial<typeof defaultLimits>): Promise<TestBroker> {
  house = await startTestBroker({ 'gw-1': {}, 'gw-2': {}, 'truck-1': {}, alerts: { role: 'dispatcher' } }, { limits })
  return house
}

const orders = 'fw/1/jingan/truck-1/orders'
const refusedFor = (reason: string) => `forewarn_broker_refused_total{reason="${reason}"}`

test('limits are read from one line, and a wrong one is named', () => {
  expect(parseLimits(' maxConnections = 20 ,maxQueued=3')).toEqual({ maxConnections: 20, maxQueued: 3 })
  expect(parseLimits('')).toEqual({})
  expect(parseLimits('maxPatience=3')).toBe('there is no limit maxPatience')
  expect(parseLimits('maxQueued=many')).toBe('maxQueued is a whole number')
})

test('connections are limited in all', async () => {
  const { line, refusalOf, metric } = await start({ maxConnections: 3 })
  const lines = [await line(), await line(), await line()]
  const fourth = await line()
  await fourth.closed
  expect(await metric(refusedFor('too-many-connections'))).toBe(1)
  const gone = lines.map(({ closed }) => closed)
  for (const { socket } of lines) socket.destroy()
  await Promise.all(gone)
  await expect.poll(() => refusalOf('gw-1'), patiently).toBe('let in')
})

test('connections from one address are limited in number and in pace, and this machine only when asked', () => {
  const limits = { ...defaultLimits, maxConnectionsPerAddress: 2, connectsPerMinutePerAddress: 3 }
  const door = connectionDoor(limits)
  const far = '203.0.113.7'
  expect([door.enter(far, 0), door.enter(far, 0), door.enter(far, 0)]).toEqual([
    undefined,
    undefined,
    'too-many-connections-from-address',
  ])
  expect(door.enter('203.0.113.8', 0)).toBeUndefined()
  door.leave(far)
  expect(door.enter(far, 0)).toBeUndefined()
  door.leave(far)
  expect(door.enter(far, 0)).toBe('connecting-too-fast')
  expect(door.enter(far, 20_000)).toBeUndefined()
  for (let count = 0; count < 10; count++) expect(door.enter('127.0.0.1', 0)).toBeUndefined()
  const strict = connectionDoor({ ...limits, limitThisMachine: 1 })
  expect([1, 2, 3].map(() => strict.enter('::ffff:127.0.0.1', 0)).at(-1)).toBe('too-many-connections-from-address')
})

test('all addresses of one IPv6 network count as one', () => {
  expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe(networkOf('2001:db8:1:2::99'))
  expect(networkOf('2001:db8:1:2::1')).not.toBe(networkOf('2001:db8:1:3::1'))
  expect(networkOf('::ffff:192.0.2.1')).toBe('192.0.2.1')
})

test('one user has so many connections, and coming back under the same client id is not one more', async () => {
  const { connected, refusalOf } = await start({ maxConnectionsPerUser: 2 })
  await connected('gw-1', { clientId: 'gw-1/a' })
  await connected('gw-1', { clientId: 'gw-1/b' })
  expect(await refusalOf('gw-1', { clientId: 'gw-1/c' })).toBe(3)
  expect(await refusalOf('gw-1', { clientId: 'gw-1/b' })).toBe('let in')
  expect(await refusalOf('gw-2')).toBe('let in')
})

test('whoever connects and says nothing is cut off', async () => {
  const { line } = await start({ connectTimeoutMs: 50 })
  const silent = await line()
  await silent.closed
  const slow = await line()
  slow.send(Buffer.from([0x10, 20, 0, 4]))
  await slow.closed
})

test('wrong passwords cost time, and too many shut this user out at this address only', () => {
  const guard = loginGuard({ ...defaultLimits, maxFailedLogins: 3, lockOutMs: 1000, maxLoginDelayMs: 300 })
  const [stranger, home] = ['203.0.113.7', '192.0.2.1']
  expect([1, 2, 3].map(() => guard.failed('gw-1', stranger, 0))).toEqual([100, 200, 300])
  expect(guard.isLockedOut('gw-1', stranger, 999)).toBe(true)
  expect(guard.isLockedOut('gw-1', home, 0)).toBe(false)
  expect(guard.isLockedOut('gw-2', stranger, 0)).toBe(false)
  expect(guard.isLockedOut('gw-1', stranger, 1000)).toBe(false)
})

test('a gateway that was in before comes in although a stranger at its address has guessed too often', async () => {
  const { refusalOf, connected, metric } = await start({ maxFailedLogins: 2, maxLoginDelayMs: 1 })
  const gateway = await connected('gw-1')
  await gateway.endAsync()
  for (let guess = 0; guess < 3; guess++) expect(await refusalOf('gw-1', { password: `guess ${guess}` })).toBe(4)
  expect(await metric(refusedFor('shut-out-after-wrong-passwords'))).toBe(1)
  expect(await refusalOf('gw-1')).toBe('let in')
})

test('who publishes too fast is read more slowly, and nothing of it is lost', async () => {
  const { connected, published, metric } = await start({ publishBytesPerSecond: 10_000 })
  const gateway = await connected('gw-1')
  const startMs = performance.now()
  // The bucket holds 100 kB: five more are half a second's rest, in which the next message is not read.
  const large = gateway.publishAsync('fw/1/jingan/gw-1/status', Buffer.alloc(105_000), { qos: 1 })
  await large
  await gateway.publishAsync('fw/1/jingan/gw-1/status', 'next', { qos: 1 })
  expect(published.map(({ payload }) => payload.length)).toEqual([105_000, 4])
  expect(await metric(`forewarn_broker_slowed_total{reason="publishes-too-fast"}`)).toBeGreaterThan(0)
  expect(performance.now() - startMs).toBeGreaterThan(400)
})

test('the pace allows ten seconds’ worth at once and asks for a rest beyond it', () => {
  const pace = publishPace({ publishesPerSecond: 10, publishBytesPerSecond: 1000 }, 0)
  for (let count = 0; count < 100; count++) expect(pace(10, 0)).toBe(0)
  expect(pace(10, 0)).toBe(100)
  expect(pace(10, 1000)).toBe(0)
  expect(pace(20_000, 20_000)).toBe(10_000)
})

test('a client that has too many messages under way is not read until some are kept', async () => {
  let keep: () => void = () => {}
  const held = new Promise<void>(resolve => {
    keep = resolve
  })
  let taken = 0
  house = await startTestBroker(
    { 'gw-1': {} },
    {
      limits: { maxPublishesUnderWay: 10 },
      accept: () => {
        taken++
        return held
      },
    },
  )
  const gateway = await house.connected('gw-1')
  // Two kilobytes each: what lies in one read of the socket (64 kB) is taken together.
  const publishing = Array.from({ length: 400 }, () =>
    gateway.publishAsync('fw/1/jingan/gw-1/status', Buffer.alloc(2000), { qos: 1 }),
  )
  await expect.poll(() => taken, patiently).toBeGreaterThanOrEqual(10)
  const other = await house.connected('gw-1', { clientId: 'gw-1/other' })
  await expect(other.subscribeAsync('fw/1/jingan/gw-1/command')).resolves.toBeDefined()
  expect(taken).toBeLessThan(100)
  keep()
  await Promise.all(publishing)
  expect(taken).toBe(400)
})

test('subscriptions of one client are limited, and unsubscribing makes room', async () => {
  const { connected } = await start({ maxSubscriptions: 2 })
  const gateway = await connected('gw-1')
  await gateway.subscribeAsync(['fw/1/jingan/gw-1/config', 'fw/1/jingan/gw-1/command'])
  await expect(gateway.subscribeAsync('fw/1/jingan/gw-1/orders')).rejects.toThrow('Subscribe error')
  await gateway.unsubscribeAsync('fw/1/jingan/gw-1/config')
  await gateway.subscribeAsync('fw/1/jingan/gw-1/orders')
})

test('to a subscriber that does not acknowledge only a window of messages is sent', async () => {
  const { connected, line, passwords, metric } = await start({ maxInFlight: 3, maxQueued: 5 })
  const silent = await line()
  const text = (value: string) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)])
  const fields = [text('truck-1'), text('truck-1'), text(passwords.get('truck-1') ?? '')]
  const body = Buffer.concat([text('MQTT'), Buffer.from([4, 0xc2, 0, 60]), ...fields])
  silent.send(Buffer.from([0x10, body.length]), body)
  await silent.receive(4)
  const filter = Buffer.concat([Buffer.from([0, 1]), text(orders), Buffer.from([1])])
  silent.send(Buffer.from([0x82, filter.length]), filter)
  await silent.receive(5)
  const dispatcher = await connected('alerts')
  for (let number = 0; number < 20; number++) await dispatcher.publishAsync(orders, 'go', { qos: 1 })
  const onePublish = 2 + 2 + orders.length + 2 + 2
  await silent.receive(3 * onePublish)
  // A fourth would have come before the answer to this.
  silent.send(Buffer.from([0xc0, 0]))
  expect(await silent.receive(2)).toEqual(Buffer.from([0xd0, 0]))
  expect(await metric('forewarn_broker_queue_overflows_total')).toBe(20 - 3 - 5)
})

test('what waits for a client that is away is limited in bytes too', async () => {
  const { connected, client, metric } = await start({ maxQueuedBytes: 50_000 })
  const truck = await connected('truck-1', { clean: false })
  await truck.subscribeAsync(orders, { qos: 1 })
  await truck.endAsync()
  const dispatcher = await connected('alerts')
  for (let number = 0; number < 10; number++) await dispatcher.publishAsync(orders, Buffer.alloc(10_000), { qos: 1 })
  expect(await metric('forewarn_broker_queue_overflows_total')).toBe(6)
  const back = client('truck-1', { clean: false })
  expect((await nextMessage(back))[1].length).toBe(10_000)
})

test('kept sessions are limited per user and in all, and are forgotten when their client stays away', async () => {
  const { refusalOf, clock, metric, broker } = await start({
    maxSessionsPerUser: 1,
    maxSessions: 2,
    maxSessionAwayMs: 100_000,
  })
  expect(await refusalOf('gw-1', { clean: false })).toBe('let in')
  expect(await refusalOf('gw-1', { clean: false, clientId: 'gw-1/b' })).toBe(3)
  expect(await refusalOf('gw-2', { clean: false })).toBe('let in')
  expect(await refusalOf('truck-1', { clean: false })).toBe(3)
  expect(broker.port).toBeGreaterThan(0)
  await house?.connected('alerts')
  // Once their connections are gone, and not before.
  await expect
    .poll(async () => {
      clock.advance(160_000)
      return metric('forewarn_broker_sessions')
    }, patiently)
    .toBeLessThan(2)
})

test('retained messages are limited, and the one too many is still delivered', async () => {
  const publish = ['zigbee2mqtt/#']
  house = await startTestBroker({ 'gw-1': { publish, subscribe: publish } }, { limits: { maxRetained: 2 } })
  const gateway = await house.connected('gw-1')
  await gateway.subscribeAsync('zigbee2mqtt/#')
  for (const topic of ['a', 'b']) await gateway.publishAsync(`zigbee2mqtt/${topic}`, 'x', { qos: 1, retain: true })
  const heard = nextMessage(gateway)
  await gateway.publishAsync('zigbee2mqtt/c', 'x', { qos: 1, retain: true })
  await heard
  expect(await house.metric('forewarn_broker_retained_refused_total')).toBe(1)
})

test('QoS 2 messages that are never released are limited, over reconnections too', async () => {
  const { line, passwords } = await start({ maxUnreleased: 5 })
  const text = (value: string) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)])
  const login = async () => {
    const open = await line()
    const fields = [text('gw-1'), text('gw-1'), text(passwords.get('gw-1') ?? '')]
    const body = Buffer.concat([text('MQTT'), Buffer.from([4, 0xc0, 0, 60]), ...fields])
    open.send(Buffer.from([0x10, body.length]), body)
    await open.receive(4)
    return open
  }
  const publish = (id: number) => {
    const body = Buffer.concat([text('fw/1/jingan/gw-1/status'), Buffer.from([0, id])])
    return Buffer.concat([Buffer.from([0x34, body.length]), body])
  }
  const first = await login()
  first.send(publish(1), publish(2), publish(3))
  expect((await first.receive(12)).length).toBe(12)
  first.socket.destroy()
  const second = await login()
  second.send(publish(4), publish(5), publish(6))
  await second.closed
})

test('a keep-alive of nothing or too long is bounded, so that a dead client is noticed', async () => {
  const { connected } = await start({ maxKeepAliveS: 1 })
  const gateway = await connected('gw-1', { keepalive: 0 })
  await whenClosed(gateway)
})

test('too many packets before CONNACK cut the connection', async () => {
  const { line } = await start({ maxPacketsBeforeConnack: 10 })
  const eager = await line()
  const text = (value: string) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)])
  const fields = [text('gw-1'), text('gw-1'), text('a wrong password waits')]
  const body = Buffer.concat([text('MQTT'), Buffer.from([4, 0xc2, 0, 60]), ...fields])
  const pings = Array.from({ length: 50 }, () => Buffer.from([0xc0, 0]))
  eager.send(Buffer.from([0x10, body.length]), body, ...pings)
  // Cut before it was answered.
  expect((await eager.receive(4)).length).toBe(0)
})
