import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type OrderMessage, ProgressMessage } from '@forewarn/contracts/order'
import { topicOf } from '@forewarn/contracts/topics'
import { type Jt808Message, jt808Framer, readMessage, writeMessage } from '@forewarn/protocols/jt808/frame'
import { readGbk, writeGbk } from '@forewarn/protocols/jt808/gbk'
import { handClock } from '@forewarn/runtime/clock'
import { Aedes } from 'aedes'
import { expect, test } from 'vitest'
import { connectDevice, startSource } from '../source-fixture.ts'
import { fromGcj02, toGcj02 } from './gcj02.ts'

/** A machine that runs many tests at once takes its time. */
function eventually<T>(look: () => T) {
  return expect.poll(look, { timeout: 20_000 })
}

const t0 = Date.UTC(2026, 10, 22, 12)
const phone = '013800000001'
const staging = { lat: 31.24, lon: 121.48, crs: 'WGS-84' } as const
const go: OrderMessage = {
  orderId: 'o-1',
  action: 'go',
  mode: 'actual',
  unitId: 'truck-1',
  placeId: 'underpass-12',
  destination: staging,
  route: [],
  issuedAtMs: t0,
}

/** A real broker, and what trucks say on it. */
async function startBroker() {
  const aedes = await Aedes.createBroker({ concurrency: 0 })
  const server = createServer(aedes.handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const progress: ProgressMessage[] = []
  aedes.on('publish', packet => {
    if (packet.topic.endsWith('/progress')) progress.push(ProgressMessage.parse(JSON.parse(packet.payload.toString())))
  })
  const subscribed = once(aedes, 'subscribe')
  return {
    url: `mqtt://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    progress,
    subscribed,
    async order(order: unknown) {
      const topic = topicOf({ district: 'd', gateway: 'gw-truck-1', channel: 'orders' })
      const packet = {
        cmd: 'publish',
        topic,
        payload: JSON.stringify(order),
        qos: 1,
        dup: false,
        retain: false,
      } as const
      await new Promise<void>(resolve => aedes.publish(packet, () => resolve()))
    },
    async stop() {
      await new Promise<void>(resolve => aedes.close(() => resolve()))
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** A broker, the source, and a folder; `terminal` connects as the truck's terminal. */
async function startHouse(
  change: object = {},
  folder = mkdtempSync(join(tmpdir(), 'forewarn-jt808-')),
  stateFile = join(folder, 'trucks.json'),
) {
  const clock = handClock(t0)
  const broker = await startBroker()
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, 'secret\n')
  const vehicle = { phone, unit: 'truck-1', gateway: 'gw-truck-1', passwordFile, events: { 1: 'working' }, ...change }
  const profile = {
    source: 'jt808',
    gateway: 'gw-1',
    listen: { port: 0 },
    district: 'd',
    broker: { url: broker.url },
    stateFile,
    placeNames: { 'underpass-12': '十二号下立交' },
    vehicles: [vehicle],
  }
  const agent = await startSource(JSON.stringify(profile), { clock })
  await broker.subscribed
  return {
    clock,
    broker,
    agent,
    folder,
    terminal: () => connectTerminal(Number(agent.source.status().listensAt?.split(':').at(-1))),
    async stop({ keepFolder = false } = {}) {
      await agent.source.stop()
      await broker.stop()
      if (!keepFolder) rmSync(folder, { recursive: true })
    },
  }
}

async function connectTerminal(port: number) {
  const device = await connectDevice(port)
  let serial = 0
  let read = 0
  const framer = jt808Framer()
  const heard: Jt808Message[] = []
  const next = async (): Promise<Jt808Message> => {
    for (let known = heard.shift(); ; known = heard.shift()) {
      if (known !== undefined) return known
      const all = await device.heard(read + 1)
      for (const frame of framer.push(all.subarray(read))) {
        const message = readMessage(frame)
        if ('body' in message) heard.push(message)
      }
      read = all.length
    }
  }
  const say = (msgId: string, body: Uint8Array = new Uint8Array(), packets?: Jt808Message['packets']) => {
    const message = { msgId, encrypt: 0, version2019: false, phone, serial: ++serial, body }
    device.send(writeMessage({ ...message, ...(packets && { packets }) }))
  }
  return {
    next,
    say,
    /** Says it and gives back the result of the general answer. */
    async ask(msgId: string, body?: Uint8Array, packets?: Jt808Message['packets']) {
      say(msgId, body, packets)
      const answer = await next()
      expect(answer.msgId).toBe('8001')
      return answer.body[4]
    },
    async login() {
      say('0100', Buffer.concat([Buffer.alloc(37), writeGbk('沪A12345')]))
      const reply = await next()
      expect(reply.msgId).toBe('8100')
      return await this.ask('0102', reply.body.subarray(3))
    },
    close: device.close,
  }
}

/** The body of 0200: a fix at a place, `ageS` s before t0 (or later, when negative). */
function location({ lat = 31.23, lon = 121.47, speed = 0, ageS = 0, status = 3 } = {}): Buffer {
  const body = Buffer.alloc(28)
  body.writeUInt32BE(status, 4)
  body.writeUInt32BE(Math.round(lat * 1e6), 8)
  body.writeUInt32BE(Math.round(lon * 1e6), 12)
  body.writeUInt16BE(speed * 10, 18)
  const digits = new Date(t0 + 8 * 3_600_000 - ageS * 1000).toISOString().replace(/[-T:]/g, '').slice(2, 14)
  body.write(digits, 22, 'hex')
  return Buffer.concat([body, Buffer.from('0202010A', 'hex')])
}

test('an order reaches the driver as a text and tracking, and the drive comes back as progress', async () => {
  const house = await startHouse({ sensors: [{ sensor: 'truck-1-fuel', from: 'fuel_L' }] })
  const { broker, agent } = house
  const truck = await house.terminal()
  expect(await truck.login()).toBe(0)
  expect(await truck.ask('0002')).toBe(0)
  expect(await truck.ask('0200', location())).toBe(0)
  await eventually(() => broker.progress.length).toBe(1)
  expect(broker.progress[0]).toEqual({
    unitId: 'truck-1',
    state: 'free',
    position: { lat: 31.23, lon: 121.47, crs: 'WGS-84' },
    atMs: t0,
  })
  expect(agent.taken).toMatchObject([{ name: 'truck-1-fuel', value: 26.6, backlog: false, gateway: 'gw-1' }])

  await broker.order(go)
  const text = await truck.next()
  expect(text.msgId).toBe('8300')
  expect(readGbk(text.body.subarray(1))).toMatch(/出车.*十二号下立交.*121\.48000.*约1\.5公里/)
  const tracking = await truck.next()
  expect([tracking.msgId, Buffer.from(tracking.body).toString('hex')]).toEqual(['8202', '000a00001c20'])
  await eventually(() => broker.progress.at(-1)).toMatchObject({ orderId: 'o-1', state: 'moving' })

  expect(await truck.ask('0200', location({ ...staging, speed: 30 }))).toBe(0)
  expect(await truck.ask('0200', location(staging))).toBe(0)
  expect(await truck.ask('0301', Uint8Array.of(1))).toBe(0)
  await eventually(() => broker.progress.map(({ state }) => state)).toEqual([
    'free',
    'moving',
    'moving',
    'staged',
    'working',
  ])

  await broker.order({ ...go, action: 'stand-down' })
  expect(readGbk((await truck.next()).body.subarray(1))).toMatch(/收队/)
  expect(Buffer.from((await truck.next()).body).toString('hex')).toBe('0000')
  await truck.ask('0200', location())
  await eventually(() => broker.progress.slice(-2)).toMatchObject([
    { orderId: 'o-1', state: 'released' },
    { state: 'free' },
  ])
  expect(broker.progress.at(-1)?.orderId).toBeUndefined()
  await house.stop()
})

test('what the driver has not confirmed is told again, and once confirmed no more', async () => {
  const house = await startHouse()
  await house.broker.order(go)
  await eventually(() => house.agent.source.status().counts['orders']).toBe(1)
  const truck = await house.terminal()
  expect(await truck.login()).toBe(0)
  expect((await truck.next()).msgId).toBe('8300')
  expect((await truck.next()).msgId).toBe('8202')
  // Delivered twice by the broker: the same order, nothing new for the driver.
  await house.broker.order(go)
  house.clock.advance(31_000)
  truck.say('0200', location())
  const again = await truck.next()
  expect(again.msgId).toBe('8300')
  expect((await truck.next()).msgId).toBe('8202')
  expect((await truck.next()).msgId).toBe('8001')
  const confirmation = Buffer.alloc(5)
  confirmation.writeUInt16BE(again.serial, 0)
  confirmation.write('8300', 2, 'hex')
  truck.say('0001', confirmation)
  house.clock.advance(31_000)
  expect(await truck.ask('0200', location({ ageS: -60 }))).toBe(0)
  await house.stop()
})

test('a terminal that never confirms is told ten times and then left to a person', async () => {
  const house = await startHouse()
  const truck = await house.terminal()
  await truck.login()
  await house.broker.order(go)
  const heard = [(await truck.next()).msgId, (await truck.next()).msgId]
  for (let times = 1; times <= 10; times++) {
    house.clock.advance(31_000)
    truck.say('0200', location({ ageS: -31 * times }))
    for (let last = ''; last !== '8001'; heard.push(last)) last = (await truck.next()).msgId
  }
  expect(heard.filter(msgId => msgId === '8300')).toHaveLength(10)
  expect(heard.at(-2)).toBe('8001')
  expect(house.agent.source.status().counts).toMatchObject({ texts: 10, 'unconfirmed-texts': 1 })
  await house.stop()
})

test('an order outlives a restart: the truck stays on its way, and the driver is told when he is back', async () => {
  const first = await startHouse()
  await first.broker.order(go)
  await eventually(() => readFileSync(join(first.folder, 'trucks.json'), { encoding: 'utf8', flag: 'a+' })).toMatch(
    /o-1/,
  )
  await first.stop({ keepFolder: true })
  const second = await startHouse({}, first.folder)
  const truck = await second.terminal()
  await truck.login()
  expect((await truck.next()).msgId).toBe('8300')
  await truck.next()
  await truck.ask('0200', location())
  await eventually(() => second.broker.progress).toMatchObject([{ orderId: 'o-1', state: 'moving' }])
  await second.stop()
})

test('an order that could not be written down is not acknowledged, and comes again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'forewarn-jt808-'))
  const state = join(folder, 'later')
  const house = await startHouse({}, folder, join(state, 'trucks.json'))
  await house.broker.order(go)
  await eventually(() => house.agent.source.status().state).toBe('troubled')
  mkdirSync(state)
  await eventually(() => house.agent.source.status().counts['orders']).toBe(1)
  const truck = await house.terminal()
  await truck.login()
  expect((await truck.next()).msgId).toBe('8300')
  await house.stop()
})

test('catch-up that came in packets is read once the last one is there', async () => {
  const house = await startHouse({ sensors: [{ sensor: 'truck-1-fuel', from: 'fuel_L' }] })
  const truck = await house.terminal()
  await truck.login()
  const item = location({ ageS: 3600 })
  const body = Buffer.concat([Buffer.from([0, 1, 1, 0, item.length]), item])
  for (const index of [2, 1]) {
    const part = index === 1 ? body.subarray(0, 20) : body.subarray(20)
    expect(await truck.ask('0704', part, { total: 2, index })).toBe(0)
    expect(house.agent.taken).toHaveLength(index === 1 ? 1 : 0)
  }
  expect(house.agent.taken[0]).toMatchObject({ backlog: true, value: 26.6 })
  await house.stop()
})

test('a drill never reaches a driver', async () => {
  const house = await startHouse()
  const truck = await house.terminal()
  await truck.login()
  await house.broker.order({ ...go, mode: 'exercise' })
  await eventually(() => house.agent.source.status().counts['drill-orders']).toBe(1)
  expect(await truck.ask('0200', location())).toBe(0)
  await eventually(() => house.broker.progress).toMatchObject([{ state: 'free' }])
  await house.stop()
})

test('catch-up, an old position and one without a fix are history and never now', async () => {
  const house = await startHouse({ sensors: [{ sensor: 'truck-1-fuel', from: 'fuel_L' }] })
  const { agent, broker } = house
  const truck = await house.terminal()
  await truck.login()
  const item = location({ ageS: 3600 })
  const batch = Buffer.concat([Buffer.from([0, 1, 1, 0, item.length]), item])
  expect(await truck.ask('0704', batch)).toBe(0)
  expect(await truck.ask('0200', location({ ageS: 600 }))).toBe(0)
  expect(await truck.ask('0200', location({ status: 1 }))).toBe(0)
  expect(await truck.ask('0200', location({ lat: 121.47, lon: 31.23 }))).toBe(0)
  expect(agent.taken.map(({ backlog, timeMs }) => [backlog, (t0 - timeMs) / 1000])).toEqual([
    [true, 3600],
    [true, 600],
    [false, 0],
    [false, 0],
  ])
  expect(broker.progress).toEqual([])
  expect(agent.source.status().counts).toMatchObject({ 'old-positions': 2, 'no-fix': 2 })
  await house.stop()
})

test('a stranger, a wrong code and a message before login are refused; a full disk is told to the terminal', async () => {
  const house = await startHouse({ terminalId: 'T7', sensors: [{ sensor: 'truck-1-fuel', from: 'fuel_L' }] })
  const truck = await house.terminal()
  expect(await truck.ask('0200', location())).toBe(1)
  truck.say('0100', Buffer.concat([Buffer.alloc(37), writeGbk('沪A12345')]))
  expect((await truck.next()).body[2]).toBe(4)
  expect(await truck.ask('0102', Buffer.from('guess'))).toBe(1)
  const registration = Buffer.alloc(38)
  registration.write('T7', 29)
  truck.say('0100', registration)
  const { body } = await truck.next()
  expect(await truck.ask('0102', body.subarray(3))).toBe(0)
  house.agent.diskFull = true
  expect(await truck.ask('0200', location())).toBe(1)
  house.agent.diskFull = false
  expect(await truck.ask('0200', location())).toBe(0)
  expect(await truck.ask('0200', Buffer.alloc(5))).toBe(2)
  expect(await truck.ask('0900', Buffer.alloc(5))).toBe(3)
  expect(house.agent.source.status().counts).toMatchObject({ strangers: 2, unauthenticated: 1 })
  expect(house.agent.refused).toMatchObject([{ reason: 'wrong-body' }])
  await house.stop()
})

test('positions of a terminal on GCJ-02 are brought to WGS-84', async () => {
  const house = await startHouse({ coordinates: 'gcj02' })
  const truck = await house.terminal()
  await truck.login()
  await truck.ask('0200', location(toGcj02({ lat: 31.23, lon: 121.47 })))
  await eventually(() => house.broker.progress.length).toBe(1)
  const { lat, lon } = house.broker.progress[0]?.position ?? staging
  expect(Math.hypot(lat - 31.23, lon - 121.47)).toBeLessThan(3e-6)
  await house.stop()
})

test('GCJ-02 shifts Shanghai by some 500 m and nothing outside China, and the way back is exact', () => {
  // A published pair for the centre of Beijing.
  const beijing = toGcj02({ lat: 39.908_23, lon: 116.391_3 })
  expect(beijing.lat).toBeCloseTo(39.909_63, 4)
  expect(beijing.lon).toBeCloseTo(116.397_54, 4)
  const there = toGcj02({ lat: 31.23, lon: 121.47 })
  const offM = Math.hypot((there.lat - 31.23) * 111_000, (there.lon - 121.47) * 95_000)
  expect(offM).toBeGreaterThan(300)
  expect(offM).toBeLessThan(700)
  expect(toGcj02({ lat: 48.86, lon: 2.35 })).toEqual({ lat: 48.86, lon: 2.35 })
  for (let at = 0; at < 100; at++) {
    const place = { lat: 30.7 + at / 200, lon: 121 + at / 100 }
    const back = fromGcj02(toGcj02(place))
    expect(Math.hypot(back.lat - place.lat, back.lon - place.lon)).toBeLessThan(1e-8)
  }
})
