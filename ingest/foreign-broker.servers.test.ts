import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Publish } from '@forewarn/contracts/intake'
import { decodeBatch } from '@forewarn/journal/batch-codec'
import { openReadingJournal } from '@forewarn/journal/reading-journal'
import { liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { installed, startMosquitto, type TestServer } from '@forewarn/runtime/test-servers'
import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ForeignBroker, startForeignBroker } from './foreign-broker.ts'
import { testDistrict } from './test-district.ts'

const mosquitto = installed('mosquitto')
const topic = 'fw/1/jingan/gw-1/readings'

describe.skipIf(mosquitto === undefined)('behind Mosquitto', () => {
  let server: TestServer
  let gateway: MqttClient
  beforeAll(async () => {
    server = await startMosquitto(mosquitto ?? '')
    gateway = await mqtt.connectAsync(server.url)
  })
  afterAll(async () => {
    await gateway.endAsync(true)
    await server.stop()
  })

  /** Each test has sessions of its own. */
  let houses = 0
  const begin = (accept: (publish: Publish) => Promise<void>, clientId = `house-${++houses}`): ForeignBroker =>
    startForeignBroker({
      url: server.url,
      clientId,
      districtId: testDistrict.id,
      devices: { gateway: 'gw-2', filters: ['zigbee2mqtt/#'] },
      accept,
      clock: liveClock(),
      log: silentLog(),
    })
  const say = (payload: string, to = topic) => gateway.publishAsync(to, payload, { qos: 1 })

  test('who speaks is read from the topic, and devices speak through the gateway that stands for them', async () => {
    const heard: string[] = []
    const all = Promise.withResolvers<undefined>()
    const broker = begin(async ({ gateway: id, topic: on }) => {
      if (heard.push(`${id} ${on}`) === 3) all.resolve(undefined)
    })
    await broker.ready()
    await say('1')
    await say('2', 'fw/1/jingan/gw-9/columns/zstd')
    await say('3', 'zigbee2mqtt/lamp')
    await all.promise
    expect(heard.sort()).toEqual([
      'gw-1 fw/1/jingan/gw-1/readings',
      'gw-2 zigbee2mqtt/lamp',
      'gw-9 fw/1/jingan/gw-9/columns/zstd',
    ])
    expect(broker.check()).toMatchObject({ status: 'ok', detail: '4 of 4 connections stand' })
    await broker.stop()
    expect(broker.check()).toMatchObject({ status: 'failed', detail: '0 of 4 connections stand' })
  })

  test('many messages of one connection are under way at once, and acknowledged in order when they are kept', async () => {
    const underWay: { payload: string; keep: () => void }[] = []
    let heard = Promise.withResolvers<undefined>()
    let wanted = 20
    const broker = begin(({ payload }) => {
      const kept = Promise.withResolvers<undefined>()
      underWay.push({ payload: Buffer.from(payload).toString(), keep: () => kept.resolve(undefined) })
      if (underWay.length === wanted) heard.resolve(undefined)
      return kept.promise
    })
    await broker.ready()
    const numbers = Array.from({ length: 30 }, (_, number) => String(number))
    await Promise.all(numbers.map(number => say(number)))
    // Mosquitto sends twenty that are not acknowledged, and no more: all twenty are being kept at once.
    await heard.promise
    heard = Promise.withResolvers<undefined>()
    wanted = 30
    // The first is slow, the others are on disk before it: none is acknowledged until it is.
    for (const { keep } of underWay.slice(1)) keep()
    expect(underWay).toHaveLength(20)
    underWay[0]?.keep()
    await heard.promise
    expect(underWay.map(({ payload }) => payload)).toEqual(numbers)
    for (const { keep } of underWay) keep()
    await broker.stop()
  })

  test('what could not be kept comes again, and what was acknowledged does not', async () => {
    const seen: string[] = []
    let failures = 2
    const all = Promise.withResolvers<undefined>()
    const kept = new Set<string>()
    const broker = begin(async ({ payload }) => {
      const text = Buffer.from(payload).toString()
      seen.push(text)
      if (text === 'b' && failures-- > 0) throw new Error('journal-full')
      kept.add(text)
      if (kept.size === 3 && text === 'c') all.resolve(undefined)
    })
    await broker.ready()
    await say('a')
    await Promise.all([say('b'), say('c')])
    await all.promise
    expect(seen.filter(text => text === 'a')).toHaveLength(1)
    expect(seen.filter(text => text === 'b')).toHaveLength(3)
    await broker.stop()
  }, 60_000)

  test('what comes while the house is away waits in its session', async () => {
    const first = begin(async () => {}, 'house-away')
    await first.ready()
    await first.stop()
    for (const number of [1, 2, 3]) await say(String(number))
    const heard: string[] = []
    const all = Promise.withResolvers<undefined>()
    const second = begin(async ({ payload }) => {
      if (heard.push(Buffer.from(payload).toString()) === 3) all.resolve(undefined)
    }, 'house-away')
    await all.promise
    expect(heard).toEqual(['1', '2', '3'])
    await second.stop()
  })

  test('a command goes down to its gateway', async () => {
    const broker = begin(async () => {})
    await broker.ready()
    await gateway.subscribeAsync('fw/1/jingan/gw-1/command', { qos: 1 })
    const [, payload] = await new Promise<[string, Buffer]>(resolve => {
      gateway.once('message', (on, message) => resolve([on, message]))
      broker.send({ gateway: 'gw-1', topic: 'fw/1/jingan/gw-1/command', payload: '{"kind":"rebirth","id":"1"}' })
    })
    expect(String(payload)).toBe('{"kind":"rebirth","id":"1"}')
    await broker.stop()
  })

  test('kill -9 between receipt and append loses nothing', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'foreign-kill-'))
    // It has subscribed before anything is said: its session is there.
    const dying = await startChild(dir, 60)
    const died = once(dying, 'exit')
    const values = Array.from({ length: 200 }, (_, number) => number / 100)
    await Promise.all(values.map(v => say(`[{"n":"depth-1","t":${1_784_559_600 + v * 100},"v":${v}}]`)))
    await died
    const before = await valuesIn(dir)
    expect(before.size).toBeLessThan(60)
    await say('end')
    const alive = await startChild(dir, 0, 'end')
    alive.kill('SIGKILL')
    await once(alive, 'exit')
    expect([...(await valuesIn(dir))].sort((a, b) => a - b)).toEqual(values)
    await rm(dir, { recursive: true })
  }, 60_000)

  /** Resolves once it has said this word. */
  async function startChild(dir: string, deathAt: number, word = 'ready') {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'foreign-child.ts'), dir, server.url, String(deathAt)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let said = ''
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', chunk => {
        said += String(chunk)
        if (said.includes(word)) resolve()
      })
      child.once('exit', () => reject(new Error(`it ended before it said ${word}`)))
    })
    return child
  }
})

async function valuesIn(dir: string): Promise<Set<number>> {
  const found = new Set<number>()
  const journal = await openReadingJournal({ dir: join(dir, 'journal'), registry: testDistrict, nowMs: () => 0 })
  for await (const { record } of journal.read({ from: 0, follow: false }))
    for (const value of decodeBatch(record).value) found.add(value)
  await journal.close()
  return found
}
