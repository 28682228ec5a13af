import { once } from 'node:events'
import { connect as connectSocket, type Socket } from 'node:net'
import type { AcceptPublish, Publish } from '@forewarn/contracts/intake'
import { handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Credential, makeCredential } from './credentials.ts'
import { type Broker, startBroker } from './start.ts'

const passwords = new Map<string, string>()
const credentials = new Map<string, Credential>()
const clients: MqttClient[] = []
const sockets: Socket[] = []
const published: Publish[] = []
const keepInMemory: AcceptPublish = async publish => {
  published.push({ ...publish, payload: Buffer.from(publish.payload) })
}
let accept: AcceptPublish = keepInMemory
const metrics = createMetrics()
let broker: Broker

beforeAll(async () => {
  for (const [name, role] of [
    ['gw-1', 'gateway'],
    ['gw-2', 'gateway'],
    ['truck-1', 'gateway'],
    ['alerts', 'dispatcher'],
  ] as const) {
    const { password, credential } = await makeCredential(role)
    passwords.set(name, password)
    credentials.set(name, credential)
  }
  broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    districtId: 'jingan',
    credentials,
    accept: publish => accept(publish),
    clock: handClock(1000),
    log: silentLog(),
    metrics,
  })
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map(client => client.endAsync(true)))
  for (const socket of sockets.splice(0)) socket.destroy()
  published.length = 0
  accept = keepInMemory
})
afterAll(() => broker.stop())

function client(user: string, options: IClientOptions = {}): MqttClient {
  const made = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, {
    username: user,
    password: passwords.get(user) ?? 'guess',
    clientId: user,
    reconnectPeriod: 0,
    ...options,
  })
  clients.push(made)
  return made
}

async function connected(user: string, options: IClientOptions = {}): Promise<MqttClient> {
  const made = client(user, options)
  await new Promise<void>((resolve, reject) => {
    made.once('connect', () => resolve())
    made.once('error', reject)
  })
  return made
}

type Heard = [topic: string, payload: Buffer]

function nextMessage(from: MqttClient): Promise<Heard> {
  return new Promise(resolve => from.once('message', (topic, payload) => resolve([topic, payload])))
}

/** The CONNACK return code a client was refused with; `closed` when there was none. */
function refusalOf(user: string, options: IClientOptions = {}): Promise<unknown> {
  const refused = client(user, options)
  return new Promise(resolve => {
    refused.once('error', error => resolve('code' in error ? error.code : error))
    refused.once('close', () => resolve('closed'))
  })
}

async function metric(name: string): Promise<number> {
  const line = (await metrics.text()).split('\n').find(text => text.startsWith(name))
  return Number(line?.split(' ').at(-1) ?? 0)
}

test('the PUBACK waits until the house has kept the message', async () => {
  let keep: () => void = () => {}
  const held = new Promise<void>(resolve => {
    keep = resolve
  })
  let asked: () => void = () => {}
  const isAsked = new Promise<void>(resolve => {
    asked = resolve
  })
  accept = () => {
    asked()
    return held
  }
  const gateway = await connected('gw-1')
  let acknowledged = false
  const publishing = gateway.publishAsync('fw/1/jingan/gw-1/readings', '[]', { qos: 1 }).then(() => {
    acknowledged = true
  })
  await isAsked
  // A PINGRESP that overtakes the PUBACK shows that the connection was served meanwhile.
  await answeredPing(gateway)
  expect(acknowledged).toBe(false)
  keep()
  await publishing
  expect(acknowledged).toBe(true)
})

async function answeredPing(gateway: MqttClient): Promise<void> {
  const answered = new Promise<void>(resolve => {
    gateway.on('packetreceive', packet => packet.cmd === 'suback' && resolve())
  })
  void gateway.subscribeAsync('fw/1/jingan/gw-1/command')
  await answered
}

test('strangers, wrong passwords and borrowed client ids are refused at CONNECT', async () => {
  expect(await refusalOf('nobody')).toBe(4)
  expect(await refusalOf('gw-1', { password: 'wrong' })).toBe(4)
  expect(await refusalOf('gw-1', { username: undefined, password: undefined })).toBe(4)
  expect(await refusalOf('gw-1', { clientId: 'gw-2' })).toBe(2)
  await connected('gw-1', { clientId: 'gw-1/second' })
  await connected('gw-1', { clientId: '' })
})

test('a will on a topic of somebody else is refused, one on its own status is published', async () => {
  const will = (topic: string) => ({ will: { topic, payload: Buffer.from('offline'), qos: 1 as const, retain: true } })
  expect(await refusalOf('gw-1', will('fw/1/jingan/gw-2/status'))).toBe(5)
  // No topic at all: the connection is closed at the CONNECT packet, without an answer (MQTT 3.1.1 §4.8).
  expect(await refusalOf('gw-1', will('#'))).toBe('closed')
  expect(await metric('forewarn_broker_refused_total{reason="bad-topic"}')).toBe(1)
  const heard = new Promise<Publish>(resolve => {
    accept = async publish => resolve(publish)
  })
  const gateway = await connected('gw-1', will('fw/1/jingan/gw-1/status'))
  gateway.stream.destroy()
  expect(await heard).toMatchObject({ gateway: 'gw-1', topic: 'fw/1/jingan/gw-1/status' })
})

test('an MQTT 5 client gets the code for an unacceptable protocol version', async () => {
  expect(await refusalOf('gw-1', { protocolVersion: 5 })).toBe(1)
  expect(await metric('forewarn_broker_refused_total{reason="mqtt-5"}')).toBe(1)
})

test('a publish on a foreign or unknown topic is acknowledged and handed over as it was, and the connection stays', async () => {
  const gateway = await connected('gw-1')
  let closes = 0
  gateway.on('close', () => closes++)
  const topics = [
    'fw/1/jingan/gw-2/readings',
    'fw/1/jingan/gw-2/orders',
    '$SYS/x',
    'zigbee2mqtt/lamp',
    'fw/1/jingan/gw-1/config',
  ]
  for (const topic of topics) await gateway.publishAsync(topic, 'x', { qos: 1, retain: true })
  expect(published.map(({ topic }) => topic)).toEqual(topics)
  expect(new Set(published.map(publish => publish.gateway))).toEqual(new Set(['gw-1']))
  expect(closes).toBe(0)
})

test('when the house cannot keep a message there is no PUBACK, and the client comes again with it', async () => {
  let refusals = 0
  accept = publish => (++refusals < 2 ? Promise.reject(new Error('journal-full')) : keepInMemory(publish))
  const gateway = await connected('gw-1', { reconnectPeriod: 1 })
  await gateway.publishAsync('fw/1/jingan/gw-1/readings', 'again', { qos: 1 })
  expect(published.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['again'])
  expect(await metric('forewarn_broker_not_kept_total')).toBe(1)
})

test('an order goes to its vehicle and nobody else, progress to the dispatcher', async () => {
  const dispatcher = await connected('alerts')
  const truck = await connected('truck-1')
  const other = await connected('gw-2')
  const spied: string[] = []
  other.on('message', topic => spied.push(topic))
  await dispatcher.subscribeAsync('fw/1/jingan/+/progress', { qos: 1 })
  await truck.subscribeAsync('fw/1/jingan/truck-1/orders', { qos: 1 })
  await other.subscribeAsync('fw/1/jingan/gw-2/orders')
  const ordered = nextMessage(truck)
  await dispatcher.publishAsync('fw/1/jingan/truck-1/orders', 'go', { qos: 1 })
  expect(String((await ordered)[1])).toBe('go')
  const progressed = nextMessage(dispatcher)
  await truck.publishAsync('fw/1/jingan/truck-1/progress', 'moving', { qos: 1 })
  expect((await progressed)[0]).toBe('fw/1/jingan/truck-1/progress')
  expect(spied).toEqual([])
  expect(published).toEqual([])
})

test('subscriptions beyond the own down-channels are refused', async () => {
  const gateway = await connected('gw-1')
  const filters = [
    '#',
    '$SYS/#',
    'fw/1/jingan/gw-2/orders',
    'fw/1/jingan/+/orders',
    'fw/1/jingan/gw-1/readings',
    '$share/g/fw/1/jingan/gw-1/orders',
  ]
  for (const filter of filters) {
    await expect(gateway.subscribeAsync(filter), filter).rejects.toThrow('Subscribe error')
  }
  expect(await gateway.subscribeAsync('fw/1/jingan/gw-1/config')).toMatchObject([{ qos: 0 }])
  const dispatcher = await connected('alerts')
  await expect(dispatcher.subscribeAsync('fw/1/jingan/+/readings')).rejects.toThrow()
})

test('a kept session gets the orders it missed, and nothing for filters that were refused', async () => {
  const truck = await connected('truck-1', { clean: false })
  const subscribing = truck.subscribeAsync({ 'fw/1/jingan/truck-1/orders': { qos: 1 }, '#': { qos: 1 } })
  await expect(subscribing).rejects.toThrow('Subscribe error')
  await truck.endAsync()
  const dispatcher = await connected('alerts')
  await dispatcher.publishAsync('fw/1/jingan/gw-2/orders', 'not yours', { qos: 1 })
  await dispatcher.publishAsync('fw/1/jingan/truck-1/orders', 'go', { qos: 1 })
  const back = client('truck-1', { clean: false })
  const [topic, payload] = await nextMessage(back)
  expect([topic, String(payload)]).toEqual(['fw/1/jingan/truck-1/orders', 'go'])
})

test('at most a thousand messages wait for a client that is away, and the rest is counted', async () => {
  const truck = await connected('truck-1', { clean: false })
  await truck.subscribeAsync('fw/1/jingan/truck-1/orders', { qos: 1 })
  await truck.endAsync()
  const dispatcher = await connected('alerts')
  const numbers = Array.from({ length: 1050 }, (_, number) => String(number))
  const orders = numbers.map(number => dispatcher.publishAsync('fw/1/jingan/truck-1/orders', number, { qos: 1 }))
  await Promise.all(orders)
  expect(await metric('forewarn_broker_queue_overflows_total')).toBe(50)
  const back = client('truck-1', { clean: false })
  const received: string[] = []
  await new Promise<void>(resolve => {
    back.on('message', (_, payload) => received.push(String(payload)) === 1000 && resolve())
  })
  expect(received).toEqual(numbers.slice(0, 1000))
})

test('a subscriber that stops reading holds up nobody else', async () => {
  const frozen = await connected('alerts', { clientId: 'alerts/frozen' })
  await frozen.subscribeAsync('fw/1/jingan/+/progress')
  const healthy = await connected('alerts', { clientId: 'alerts/healthy' })
  await healthy.subscribeAsync('fw/1/jingan/+/progress')
  let received = 0
  healthy.on('message', () => received++)
  frozen.stream.pause()
  const truck = await connected('truck-1')
  const payload = Buffer.alloc(100_000)
  for (let round = 1; round <= 300; round++) {
    const heard = nextMessage(healthy)
    await truck.publishAsync('fw/1/jingan/truck-1/progress', payload, { qos: 0 })
    await heard
  }
  expect(received).toBe(300)
  expect(await metric('forewarn_broker_deliveries_dropped_total')).toBeGreaterThan(0)
})

test('an order is delivered although later messages overtook it', async () => {
  const dispatcher = await connected('alerts')
  const truck = await connected('truck-1')
  await truck.subscribeAsync('fw/1/jingan/truck-1/orders', { qos: 1 })
  const seen = new Set<string>()
  const all = new Promise<void>(resolve => {
    truck.on('message', (_, payload) => {
      seen.add(String(payload))
      if (seen.size === 400) resolve()
    })
  })
  for (let number = 0; number < 200; number++) {
    dispatcher.publish('fw/1/jingan/truck-1/orders', `order ${number}`, { qos: 1 })
    dispatcher.publish('fw/1/jingan/truck-1/orders', `note ${number}`, { qos: 0 })
  }
  await all
  expect(seen.size).toBe(400)
})

/** Sends raw bytes and resolves when the broker closes the connection. */
async function closedAfter(bytes: Buffer): Promise<void> {
  const socket = connectSocket(broker.port, '127.0.0.1')
  sockets.push(socket)
  socket.on('error', () => {}) // a reset is one way of being closed
  socket.write(bytes)
  socket.resume()
  await once(socket, 'close')
}

test('a packet that declares more than 4 kB before login is cut off at its header', async () => {
  await closedAfter(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x04]))
  await closedAfter(Buffer.from([0x30, 0xff, 0x7f]))
  expect(await metric('forewarn_broker_refused_total{reason="packet-too-large"}')).toBe(2)
})

test('after login 200 kB pass and 300 kB do not', async () => {
  const gateway = await connected('gw-1')
  await gateway.publishAsync('fw/1/jingan/gw-1/readings', Buffer.alloc(200_000), { qos: 1 })
  expect(published[0]?.payload.length).toBe(200_000)
  const closed = new Promise(resolve => gateway.once('close', () => resolve(undefined)))
  gateway.on('error', () => {}) // the reset is what the test waits for
  gateway.publish('fw/1/jingan/gw-1/readings', Buffer.alloc(300_000), { qos: 1 })
  await closed
  expect(published.length).toBe(1)
})

test('a port that is taken is reported with the code of the system', async () => {
  const options = { host: '127.0.0.1', port: broker.port, districtId: 'jingan', credentials, accept: keepInMemory }
  const starting = startBroker({ ...options, clock: handClock(0), log: silentLog(), metrics: createMetrics() })
  await expect(starting).rejects.toMatchObject({ code: 'EADDRINUSE' })
})
