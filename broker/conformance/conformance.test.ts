import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { field, packetId, packetOf, ping, publishPacket, subscribePacket } from '../attack-fixture.ts'
import { type Line, startTestBroker, type TestBroker } from '../broker-fixture.ts'
import { bytesOf, play, sequencesOf } from './packet-sequences.ts'

let house: TestBroker
const lines: Line[] = []

beforeAll(async () => {
  house = await startTestBroker({}, { open: true })
})
afterEach(() => {
  for (const { socket } of lines.splice(0)) socket.destroy()
})
afterAll(() => house.stop())

interface Hello {
  readonly clean?: boolean
  readonly version?: 3 | 4
}

/** Connects, and resolves with the connection and the flags and code of its CONNACK. */
async function hello(clientId: string, { clean = true, version = 4 }: Hello = {}) {
  const line = await house.line()
  lines.push(line)
  const name = version === 3 ? 'MQIsdp' : 'MQTT'
  line.send(packetOf(0x10, field(name), Buffer.from([version, clean ? 2 : 0, 0, 60]), field(clientId)))
  const connack = await line.receive(4)
  return { line, connack: [...connack.subarray(2)] }
}

async function subscribe(line: Line, filter: string, qos = 0): Promise<number | undefined> {
  line.send(subscribePacket(1, [filter], qos))
  return (await line.receive(5)).at(-1)
}

/** A PUBLISH that comes: its first byte, packet id (with QoS 1 and 2) and text. */
async function heard(line: Line) {
  const head = await line.receive(2)
  const body = await line.receive(head[1] ?? 0)
  const first = head[0] ?? 0
  const afterTopic = 2 + body.readUInt16BE(0)
  const qos = (first >> 1) & 3
  const id = qos > 0 ? body.readUInt16BE(afterTopic) : 0
  const text = body.subarray(afterTopic + (qos > 0 ? 2 : 0)).toString()
  return {
    dup: (first & 8) !== 0,
    qos,
    retain: (first & 1) !== 0,
    id,
    text,
    topic: body.subarray(2, afterTopic).toString(),
  }
}

/** Nothing more was sent to this client: the answer to its PINGREQ is what comes next. */
async function hearsNothing(line: Line): Promise<void> {
  line.send(ping)
  expect([...(await line.receive(2))]).toEqual([0xd0, 0])
}

async function publish(topic: string, text: string, { qos = 0, retain = false } = {}): Promise<void> {
  const { line } = await hello(`publisher-${lines.length}`)
  line.send(publishPacket(topic, Buffer.from(text), { qos, retain }))
  if (qos === 2) {
    await line.receive(4)
    line.send(packetOf(0x62, packetId(1)))
  }
  if (qos > 0) await line.receive(4)
  await hearsNothing(line)
}

test('a kept session is present at the next CONNECT, also without subscriptions (3.2.2-2)', async () => {
  const first = await hello('kept', { clean: false })
  expect(first.connack).toEqual([0, 0])
  first.line.socket.destroy()
  expect((await hello('kept', { clean: false })).connack).toEqual([1, 0])
  expect((await hello('kept')).connack).toEqual([0, 0])
  expect((await hello('kept', { clean: false })).connack).toEqual([0, 0])
})

test('to a client of MQTT 3.1 the same byte stays 0, and its session is there all the same', async () => {
  const first = await hello('old', { clean: false, version: 3 })
  await subscribe(first.line, 'old/x', 1)
  first.line.socket.destroy()
  await publish('old/x', 'waiting', { qos: 1 })
  const second = await hello('old', { clean: false, version: 3 })
  expect(second.connack).toEqual([0, 0])
  expect(await heard(second.line)).toMatchObject({ text: 'waiting' })
})

test('what was not acknowledged comes again after a reconnect, with the same packet id and marked DUP (4.4.0-1, 3.3.1-1)', async () => {
  const first = await hello('again', { clean: false })
  await subscribe(first.line, 'again/x', 2)
  await publish('again/x', 'one', { qos: 1 })
  await publish('again/x', 'two', { qos: 2 })
  const before = [await heard(first.line), await heard(first.line)]
  expect(before.map(({ dup, text }) => [dup, text])).toEqual([
    [false, 'one'],
    [false, 'two'],
  ])
  // PUBREC for the second: from now on it is PUBREL that is repeated (4.3.3-1).
  first.line.send(packetOf(0x50, packetId(before[1]?.id ?? 0)))
  expect([...(await first.line.receive(4))]).toEqual([0x62, 2, 0, before[1]?.id])
  first.line.socket.destroy()
  const { line } = await hello('again', { clean: false })
  expect(await heard(line)).toEqual({ ...before[0], dup: true })
  expect([...(await line.receive(4))]).toEqual([0x62, 2, 0, before[1]?.id])
})

test('a wildcard subscription lowers the QoS like an exact one (3.8.4-6)', async () => {
  const { line } = await hello('lower')
  expect(await subscribe(line, 'lower/+', 1)).toBe(1)
  await publish('lower/x', 'two', { qos: 2 })
  expect(await heard(line)).toMatchObject({ qos: 1, text: 'two' })
  await publish('lower/kept', 'kept', { qos: 1, retain: true })
  const late = await hello('lower-late')
  await subscribe(late.line, 'lower/#', 0)
  expect(await heard(late.line)).toMatchObject({ qos: 0, retain: true, text: 'kept' })
})

test('of overlapping subscriptions the best QoS counts, and the message comes once (3.3.5-1)', async () => {
  const { line } = await hello('overlap')
  await subscribe(line, 'overlap/#', 0)
  await subscribe(line, 'overlap/+', 2)
  await subscribe(line, 'overlap/x', 1)
  await publish('overlap/x', 'once', { qos: 2 })
  expect(await heard(line)).toMatchObject({ qos: 2, text: 'once' })
  await hearsNothing(line)
})

test('a retained topic with an empty level is found by + and # (4.7.1-3)', async () => {
  for (const topic of ['empty/', '/empty', 'empty//x']) await publish(topic, topic, { retain: true })
  const cases = { 'empty/+': 'empty/', '+/empty': '/empty', 'empty/+/x': 'empty//x' }
  for (const [filter, topic] of Object.entries(cases)) {
    const { line } = await hello('empty-levels')
    await subscribe(line, filter)
    expect(await heard(line)).toMatchObject({ topic, retain: true })
    await hearsNothing(line)
  }
})

test('a message of now is not marked retained, and an empty one clears (3.3.1-9, 3.3.1-10)', async () => {
  const { line } = await hello('clears')
  await subscribe(line, 'clears/x', 1)
  await publish('clears/x', 'kept', { qos: 1, retain: true })
  expect(await heard(line)).toMatchObject({ retain: false, text: 'kept' })
  await publish('clears/x', '', { qos: 1, retain: true })
  const late = await hello('clears-late')
  await subscribe(late.line, 'clears/x', 1)
  await hearsNothing(late.line)
})

test('a QoS 2 message sent twice before it is released is passed on once (4.3.3-2)', async () => {
  const { line } = await hello('exactly')
  await subscribe(line, 'exactly/x', 0)
  const sender = await hello('exactly-sender')
  const message = publishPacket('exactly/x', Buffer.from('once'), { qos: 2 })
  sender.line.send(message)
  await sender.line.receive(4)
  sender.line.send(Buffer.concat([Buffer.from([message[0] ?? 0 | 8]), message.subarray(1)]))
  expect([...(await sender.line.receive(4))]).toEqual([0x50, 2, 0, 1])
  expect(await heard(line)).toMatchObject({ text: 'once' })
  await hearsNothing(line)
})

test('a publisher has its PUBREC before it hears its own message', async () => {
  const { line } = await hello('own')
  await subscribe(line, 'own/x', 1)
  line.send(publishPacket('own/x', Buffer.from('mine'), { qos: 2 }))
  expect([...(await line.receive(4))]).toEqual([0x50, 2, 0, 1])
  expect(await heard(line)).toMatchObject({ text: 'mine' })
})

test('a version that is not spoken is answered with code 1 and closed (3.1.2-2)', async () => {
  const line = await house.line()
  line.send(packetOf(0x10, field('MQTT'), Buffer.from([9, 2, 0, 60]), field('future')))
  expect([...(await line.receive(4))]).toEqual([0x20, 2, 0, 1])
  await line.closed
})

test('without a client id a session cannot be kept: code 2 (3.1.3-8)', async () => {
  expect((await hello('', { clean: false })).connack).toEqual([0, 2])
  expect((await hello('')).connack).toEqual([0, 0])
  expect((await hello('', { version: 3 })).connack).toEqual([0, 2])
})

test('an open broker refuses what test suites expect to be refused', async () => {
  const { line } = await hello('suite')
  expect(await subscribe(line, 'test/nosubscribe', 2)).toBe(0x80)
  expect(await subscribe(line, '$share/group/x')).toBe(0x80)
})

test('an open broker says so in its health', async () => {
  const { answer } = await house.ask('/health')
  expect(answer).toMatchObject({
    checks: expect.arrayContaining([expect.objectContaining({ name: 'access', status: 'failed' })]),
  })
})

test('packet sequences are read and played', async () => {
  expect(bytesOf("10 r13 s4 'MQTT' 04 02 k10 s1 'p'").toString('hex')).toBe('100d00044d5154540402000a000170')
  const file = JSON.stringify([
    {
      group: 'PING',
      tests: [
        {
          name: 'answered',
          expect_disconnect: false,
          msgs: [
            { type: 'send', payload: 'C0 r0' },
            { type: 'recv', payload: 'D0 00' },
          ],
        },
        { name: 'with a body', msgs: [{ type: 'send', payload: 'C0 r1 00' }] },
        {
          name: 'wrongly expected to be closed',
          msgs: [
            { type: 'send', payload: 'C0 00' },
            { type: 'recv', payload: 'D0 00' },
          ],
        },
        { name: 'of version 5', ver: 5, msgs: [] },
      ],
    },
  ])
  const target = { host: '127.0.0.1', port: house.broker.port }
  const outcomes: unknown[] = []
  for (const sequence of sequencesOf(file, { maxVersion: 4 })) outcomes.push(await play(sequence, target))
  expect(outcomes).toEqual([undefined, undefined, 'still connected'])
})
