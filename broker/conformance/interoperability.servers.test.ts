/**
 * What interoperability suites for MQTT 3.1.1 try with any broker, twice over on ours: what a round leaves behind must
 * not trouble the next. Mosquitto is held to the same once, which says that the expectations are fair.
 */
import { installed, startMosquitto } from '@forewarn/runtime/test-servers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestBroker } from '../broker-fixture.ts'
import { connectPacket, type SuiteClient, type Visit, visit } from './suite-client.ts'

interface Door {
  readonly port: number
  stop(): Promise<void>
}

async function ours(): Promise<Door> {
  const { broker, stop } = await startTestBroker({}, { open: true })
  return { port: broker.port, stop }
}

async function theirs(): Promise<Door> {
  const { url, stop } = await startMosquitto(mosquitto ?? '')
  return { port: Number(new URL(url).port), stop }
}

const mosquitto = installed('mosquitto')
const brokers = [{ name: 'this broker', start: ours, rounds: ['at first', 'and once more'] }]
if (mosquitto !== undefined) brokers.push({ name: 'Mosquitto', start: theirs, rounds: ['at first'] })

type Enter = (wish: Partial<Visit>) => Promise<SuiteClient>
const other = { clientId: 'suite-b' }
const publishAll = async (client: SuiteClient, texts: readonly [string, string, string], retain = false) => {
  await client.publish('hall/door', texts[0], { qos: 0, retain })
  await client.publish('attic/lamp', texts[1], { qos: 1, retain })
  await client.publish('hall/lamp', texts[2], { qos: 2, retain })
  await client.settle()
}

const overlapping = 'overlapping subscriptions give one message with the best QoS'
const refused = 'a subscription that is refused is answered, and the client stays'

const deeds: Readonly<Record<string, (enter: Enter) => Promise<void>>> = {
  async 'a client hears its own messages of every QoS'(enter) {
    await (await enter({})).disconnect()
    const client = await enter({})
    expect(client.connack).toEqual([0, 0])
    expect(await client.subscribe({ hall: 2 })).toEqual([2])
    for (const qos of [0, 1, 2]) await client.publish('hall', `qos ${qos}`, { qos })
    const heard = await client.hears(3)
    expect(heard.map(({ text, qos }) => [text, qos]).sort()).toEqual([
      ['qos 0', 0],
      ['qos 1', 1],
      ['qos 2', 2],
    ])
    await client.disconnect()
  },

  async 'a second CONNECT closes the connection, and so does a protocol nobody knows'(enter) {
    const client = await enter({})
    client.send(connectPacket({ clientId: 'suite-a' }))
    await client.closed
    const stranger = await enter({ protocol: 'hj' })
    expect(stranger.connack).not.toEqual([0, 0])
    await stranger.closed
  },

  async 'retained messages of every QoS come to a late subscriber, and empty ones clear them'(enter) {
    const client = await enter({})
    await publishAll(client, ['0', '1', '2'], true)
    await client.subscribe({ '+/+': 2 })
    const heard = await client.hears(3)
    expect(heard.map(({ text, qos, retain }) => [text, qos, retain]).sort()).toEqual([
      ['0', 0, true],
      ['1', 1, true],
      ['2', 2, true],
    ])
    await client.disconnect()
    const again = await enter({})
    await publishAll(again, ['', '', ''], true)
    await again.subscribe({ '+/+': 2 })
    await again.settle()
    expect(again.arrivals).toEqual([])
    await again.disconnect()
  },

  async 'messages wait for a client that is away'(enter) {
    const away = await enter({ clean: false })
    await away.subscribe({ '+/+': 2 })
    await away.disconnect()
    const speaker = await enter(other)
    await publishAll(speaker, ['0', '1', '2'])
    await speaker.disconnect()
    const back = await enter({ clean: false })
    expect(back.connack).toEqual([1, 0])
    await back.hears(2)
    await back.settle()
    // Keeping messages of QoS 0 as well is allowed.
    expect(back.arrivals.map(({ text }) => text).filter(text => text !== '0')).toEqual(['1', '2'])
    await back.disconnect()
  },

  async 'the will of a client that is cut off is published'(enter) {
    const heir = await enter({ ...other, clean: false })
    await heir.subscribe({ 'attic/lamp': 2 })
    const mortal = await enter({ will: { topic: 'attic/lamp', text: 'gone' }, keepAliveS: 2 })
    mortal.cut()
    expect(await heir.hears(1)).toEqual([{ topic: 'attic/lamp', text: 'gone', qos: 2, retain: false, dup: false }])
    await heir.disconnect()
  },

  async [overlapping](enter) {
    const client = await enter({})
    await client.subscribe({ 'hall/#': 2, 'hall/+': 1 })
    await client.publish('hall/lamp', 'twice covered', { qos: 2 })
    await client.hears(1)
    await client.settle()
    expect(client.arrivals.map(({ qos }) => qos)).toEqual([2])
    await client.disconnect()
  },

  async 'a client that says nothing for longer than its keep-alive is cut, and its will published'(enter) {
    const heir = await enter({ ...other, keepAliveS: 0 })
    await heir.subscribe({ '/hall': 2 })
    const silent = await enter({ keepAliveS: 1, will: { topic: '/hall', text: 'fell asleep' } })
    expect(await heir.hears(1)).toMatchObject([{ text: 'fell asleep' }])
    await silent.closed
    await heir.disconnect()
  },

  async 'a client that stops answering goes on sending, and has what it left unanswered after a reconnect'(enter) {
    const client = await enter({ ...other, clean: false })
    await client.subscribe({ 'hall/#': 2 })
    client.pause()
    await client.publish('hall/door', 'one', { qos: 1 })
    await client.publish('hall/lamp', 'two', { qos: 2 })
    await client.settle()
    expect(client.arrivals).toEqual([])
    await client.disconnect()
    const back = await enter({ ...other, clean: false })
    expect(back.connack).toEqual([1, 0])
    const heard = await back.hears(2)
    await back.settle()
    expect(heard.map(({ text, dup }) => [text, dup]).sort()).toEqual([
      ['one', true],
      ['two', true],
    ])
    await back.disconnect()
  },

  async 'a wildcard does not match a topic with $ in front, and who publishes there has an answer'(enter) {
    const client = await enter(other)
    await client.subscribe({ '+/+': 2, '#': 0 })
    await client.settle()
    const before = client.arrivals.length
    await client.publish('$hall/door', 'unheard', { qos: 1 })
    await client.settle()
    expect(client.arrivals.slice(before)).toEqual([])
    await client.disconnect()
  },

  async 'nothing comes on a filter that was taken back, also while away, and the others stay'(enter) {
    const client = await enter({ ...other, clean: false })
    for (const filter of ['hall', 'hall/door', 'attic/lamp']) await client.subscribe({ [filter]: 2 })
    await client.unsubscribe('hall')
    const speaker = await enter({})
    const speak = async () => {
      for (const topic of ['hall', 'hall/door', 'attic/lamp']) await speaker.publish(topic, topic, { qos: 1 })
    }
    const hears = async (listener: SuiteClient) => {
      await listener.hears(2)
      await listener.settle()
      expect(listener.arrivals.map(({ topic }) => topic).sort()).toEqual(['attic/lamp', 'hall/door'])
      await listener.disconnect()
    }
    await speak()
    await hears(client)
    await speak()
    await hears(await enter({ ...other, clean: false }))
    // The next round, and the next deed, find no session.
    await (await enter(other)).disconnect()
    await speaker.disconnect()
  },

  async [refused](enter) {
    const client = await enter({})
    expect(await client.subscribe({ 'test/nosubscribe': 2, hall: 1 })).toEqual([0x80, 1])
    await client.publish('hall', 'still here', { qos: 1 })
    expect(await client.hears(1)).toMatchObject([{ text: 'still here' }])
  },

  async 'a client without an id has no session to keep'(enter) {
    expect((await enter({ clientId: '', clean: false })).connack).toEqual([0, 2])
    expect((await enter({ clientId: '' })).connack).toEqual([0, 0])
  },
}

/** Mosquitto 2.0.11 sends one message with the QoS of one subscription, not the best, and refuses no filter by itself. */
const oursAlone: ReadonlySet<string> = new Set([overlapping, refused])

describe.each(brokers)('$name', ({ name, start, rounds }) => {
  let door: Door
  const clients: SuiteClient[] = []
  beforeAll(async () => {
    door = await start()
  })
  afterAll(async () => {
    for (const client of clients) client.cut()
    await door.stop()
  })
  const enter: Enter = async wish => {
    const client = await visit(door.port, { clientId: 'suite-a', ...wish })
    clients.push(client)
    return client
  }

  describe.each(rounds)('%s', () => {
    const asked = Object.keys(deeds).filter(deed => name === 'this broker' || !oursAlone.has(deed))
    test.each(asked)('%s', async deed => deeds[deed]?.(enter))
  })
})
