import { once } from 'node:events'
import { connect as connectSocket, type Socket } from 'node:net'
import type { AcceptPublish, Publish } from '@forewarn/contracts/intake'
import { handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { connectAsync, type MqttClient } from 'mqtt'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { makeCredential } from './credentials.ts'
import { publishBytes } from './packet-bytes.ts'
import { type Broker, startBroker } from './start.ts'

/** What the house was handed, in order; each waits until it is let go. */
interface Held extends Publish {
  keep(): void
  fail(): void
  refuse(): void
}

const held: Held[] = []
let arrived = () => {}
const hold: AcceptPublish = publish =>
  new Promise((resolve, reject) => {
    const payload = Buffer.from(publish.payload)
    const full = Object.assign(new Error('the journal is full'), { code: 'journal-full' })
    const [fail, refuse] = [() => reject(new Error('the disk is broken')), () => reject(full)]
    held.push({ ...publish, payload, keep: resolve, fail, refuse })
    arrived()
  })
let password = ''
let broker: Broker
const sockets: Socket[] = []
const clients: MqttClient[] = []

beforeAll(async () => {
  const made = await makeCredential('gateway')
  password = made.password
  broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    districtId: 'jingan',
    credentials: new Map([['gw-1', made.credential]]),
    accept: hold,
    clock: handClock(1000),
    log: silentLog(),
    metrics: createMetrics(),
    limits: { maxPublishesUnderWay: 20 },
  })
})
afterEach(async () => {
  for (const one of held.splice(0)) one.keep()
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(clients.splice(0).map(client => client.endAsync(true)))
})
afterAll(() => broker.stop())

async function heldAre(count: number): Promise<void> {
  while (held.length < count)
    await new Promise<void>(resolve => {
      arrived = resolve
    })
}

const field = (text: string) => Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)])

function connectBytes(): Buffer {
  const body = Buffer.concat([
    field('MQTT'),
    Buffer.from([4, 0xc2, 0, 60]),
    field('gw-1'),
    field('gw-1'),
    field(password),
  ])
  return Buffer.concat([Buffer.from([0x10, body.length]), body])
}

const readings = 'fw/1/jingan/gw-1/readings'
const status = 'fw/1/jingan/gw-1/status'
const message = (packetId: number, topic = readings, payload = `${packetId}`) =>
  publishBytes({ topic, payload: Buffer.from(payload), qos: 1, retain: false, dup: false, packetId })

/** A connection that says bytes; what it was told comes as packets of four bytes, by type and number. */
async function rawClient() {
  const socket = connectSocket({ host: '127.0.0.1', port: broker.port, noDelay: true })
  sockets.push(socket)
  await once(socket, 'connect')
  let heard = Buffer.alloc(0)
  let onHeard = () => {}
  socket.on('data', chunk => {
    heard = Buffer.concat([heard, chunk])
    onHeard()
  })
  const told = () => {
    const packets: string[] = []
    for (let at = 0; at < heard.length; at += 2 + (heard[at + 1] ?? 0))
      packets.push(`${(heard[at] ?? 0).toString(16)} ${heard[at + 1] === 2 ? heard.readUInt16BE(at + 2) : '-'}`)
    return packets
  }
  return {
    socket,
    told,
    async toldAre(count: number): Promise<string[]> {
      while (told().length < count)
        await new Promise<void>(resolve => {
          onHeard = resolve
        })
      return told()
    },
  }
}

async function entered() {
  const client = await rawClient()
  client.socket.write(connectBytes())
  expect(await client.toldAre(1)).toEqual(['20 0'])
  return client
}

test('acknowledgements come in the order of the messages, whatever order they are kept in', async () => {
  const { socket, toldAre, told } = await entered()
  socket.write(Buffer.concat([1, 2, 3, 4].map(id => message(id))))
  await heldAre(4)
  held[3]?.keep()
  held[1]?.keep()
  socket.write(Buffer.from('c000', 'hex'))
  expect(await toldAre(2)).toEqual(['20 0', 'd0 -'])
  held[0]?.keep()
  expect(await toldAre(4)).toEqual(['20 0', 'd0 -', '40 1', '40 2'])
  held[2]?.keep()
  await toldAre(6)
  expect(told().slice(4)).toEqual(['40 3', '40 4'])
})

test('a message on another topic is not acknowledged before the readings in front of it, nor those behind it before it', async () => {
  const { socket, toldAre } = await entered()
  socket.write(Buffer.concat([message(1), message(2, status), message(3)]))
  await heldAre(1)
  expect(held.map(({ topic }) => topic)).toEqual([readings])
  held[0]?.keep()
  await heldAre(2)
  expect(held.map(({ topic }) => topic)).toEqual([readings, status])
  held[1]?.keep()
  await heldAre(3)
  held[2]?.keep()
  expect(await toldAre(4)).toEqual(['20 0', '40 1', '40 2', '40 3'])
})

test('readings sent together with the login are kept, and acknowledged after it', async () => {
  const { socket, toldAre } = await rawClient()
  socket.write(Buffer.concat([connectBytes(), message(1), message(2)]))
  await heldAre(2)
  for (const one of held) one.keep()
  expect(await toldAre(3)).toEqual(['20 0', '40 1', '40 2'])
})

test('a message that cannot be kept is not acknowledged, and its connection is closed', async () => {
  const { socket, told } = await entered()
  socket.write(message(1))
  await heldAre(1)
  const closed = once(socket, 'close')
  held[0]?.fail()
  await closed
  expect(told()).toEqual(['20 0'])
})

test('while the journal is full the sender waits, and its message is kept once there is room', async () => {
  const { socket, toldAre } = await entered()
  socket.write(message(1))
  await heldAre(1)
  held[0]?.refuse()
  socket.write(message(2))
  await heldAre(2)
  expect(held.map(({ payload }) => `${payload}`)).toEqual(['1', '1'])
  held[1]?.keep()
  await heldAre(3)
  held[2]?.keep()
  expect(await toldAre(3)).toEqual(['20 0', '40 1', '40 2'])
})

test('a client with too much under way is not read, and loses nothing', async () => {
  const { socket, toldAre } = await entered()
  socket.write(Buffer.concat(Array.from({ length: 100 }, (_, index) => message(index + 1))))
  await heldAre(20)
  socket.write(Buffer.from('c000', 'hex'))
  // What is not read cannot be answered: the ping comes after everything in front of it.
  let kept = 0
  while (kept < 100) {
    await heldAre(kept + 1)
    expect(held.length - kept).toBeLessThanOrEqual(20)
    held[kept++]?.keep()
  }
  const told = await toldAre(102)
  expect(told.filter(packet => packet.startsWith('40'))).toEqual(Array.from({ length: 100 }, (_, at) => `40 ${at + 1}`))
  expect(held.map(({ payload }) => `${payload}`)).toEqual(Array.from({ length: 100 }, (_, at) => `${at + 1}`))
})

test('a client cut off in the middle of a message leaves nothing of it, and one that says goodbye leaves all', async () => {
  const cut = await entered()
  cut.socket.write(message(1, readings, 'x'.repeat(500)).subarray(0, 300))
  cut.socket.end()
  await once(cut.socket, 'close')
  const { socket } = await entered()
  socket.write(Buffer.concat([message(2), Buffer.from('e000', 'hex')]))
  await heldAre(1)
  await once(socket, 'close')
  expect(held.map(({ payload }) => `${payload}`)).toEqual(['2'])
})

test('QoS 0 is taken without an acknowledgement, and a repeat is acknowledged like the first', async () => {
  const { socket, toldAre } = await entered()
  const fields = { topic: readings, payload: Buffer.from('r'), retain: false, packetId: 7 }
  socket.write(publishBytes({ ...fields, qos: 0, dup: false }))
  socket.write(publishBytes({ ...fields, qos: 1, dup: true }))
  await heldAre(2)
  for (const one of held) one.keep()
  expect(await toldAre(2)).toEqual(['20 0', '40 7'])
})

test('MQTT.js sends thousands through it, over TCP, and each is acknowledged', async () => {
  const client = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, { username: 'gw-1', clientId: 'gw-1', password })
  clients.push(client)
  const done = Promise.all(
    Array.from({ length: 2000 }, (_, at) => client.publishAsync(readings, 'y'.repeat(at % 300), { qos: 1 })),
  )
  for (let kept = 0; kept < 2000; ) {
    await heldAre(kept + 1)
    while (kept < held.length) held[kept++]?.keep()
  }
  await done
  expect(held.map(({ payload }) => payload.length)).toEqual(Array.from({ length: 2000 }, (_, at) => at % 300))
})
