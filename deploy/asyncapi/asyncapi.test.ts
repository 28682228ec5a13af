import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { columnsAtMost, formatColumns, parseColumns } from '@forewarn/contracts/columns'
import { formatSenml, parseSenml } from '@forewarn/contracts/senml'
import { parseTopic } from '@forewarn/contracts/topics'
import { startTestBroker } from '@forewarn/edge-agent/broker-fixture'
import { startEdgeAgent } from '@forewarn/edge-agent/start'
import { parseChirpstackTopic, parseUplink } from '@forewarn/protocols/chirpstack/event'
import { parseLines } from '@forewarn/protocols/line-protocol/parse'
import { parseSparkplugTopic } from '@forewarn/protocols/sparkplug/topic'
import { parseTasmota } from '@forewarn/protocols/tasmota/message'
import { parseZigbee2mqtt } from '@forewarn/protocols/zigbee2mqtt/message'
import { liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { Ajv } from 'ajv'
import { connectAsync } from 'mqtt'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { channels } from './channels.ts'
import { asyncApiDocument, asyncApiYaml } from './document.ts'
import { type MessageName, messages } from './messages.ts'

const published = join(import.meta.dirname, '..', '..', 'docs', 'asyncapi.yaml')
const receivedAtMs = Date.UTC(2026, 6, 20, 15)

const Document = z.object({
  channels: z.record(z.string(), z.object({ address: z.string() })),
  components: z.object({ schemas: z.record(z.string(), z.record(z.string(), z.unknown())) }),
})
const document = Document.parse(asyncApiDocument())

/** What the document's own schema says against a payload; nothing when it fits. */
function against(name: MessageName, payload: unknown): string {
  const ajv = new Ajv({ strict: false, allErrors: true })
  const fits = ajv.compile(document.components.schemas[name] ?? false)
  return fits(payload) ? '' : ajv.errorsText(fits.errors)
}

describe('the document', () => {
  test('stands in docs as it is made: forewarn asyncapi > docs/asyncapi.yaml', () => {
    expect(readFileSync(published, 'utf8')).toBe(asyncApiYaml())
    expect(parse(asyncApiYaml())).toEqual(JSON.parse(JSON.stringify(asyncApiDocument())))
  })

  test('is AsyncAPI 3.1 by the official schema', () => {
    const file = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.1.0-without-$id.json')
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true })
    const fits = ajv.compile(JSON.parse(readFileSync(file, 'utf8')))
    fits(asyncApiDocument())
    expect(ajv.errorsText(fits.errors)).toBe('No errors')
    expect(fits({ ...asyncApiDocument(), channels: 7 })).toBe(false)
  })

  test('refers only to what is in it', () => {
    const text = JSON.stringify(asyncApiDocument())
    const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? '')
    expect(references.length).toBeGreaterThan(50)
    const missing = references.filter(path => {
      let place: unknown = asyncApiDocument()
      for (const step of path.split('/')) place = Object(place)[step]
      return place === undefined
    })
    expect(missing).toEqual([])
  })
})

const examples = Object.entries(messages).flatMap(([message, { examples: some, schema }]) =>
  some.map(({ name, payload }): [string, { message: string; payload: unknown; schema: z.ZodType }] => [
    `${message}: ${name}`,
    { message, payload, schema },
  ]),
)

test.each(examples)('the example %s fits its own schema', (_, { message, payload, schema }) => {
  const name = z.custom<MessageName>(key => typeof key === 'string' && key in messages).parse(message)
  expect(against(name, payload)).toBe('')
  expect(schema.safeParse(payload).success).toBe(true)
})

describe('the examples are what the readers of the house take', () => {
  test('of SenML', () => {
    for (const { payload } of messages.readings.examples) {
      const pack = parseSenml(Buffer.from(JSON.stringify(payload)), receivedAtMs)
      expect(pack).toMatchObject({ faults: [], records: { length: payload.length } })
    }
  })

  test('of columns', () => {
    for (const { payload } of messages.columns.examples)
      expect(parseColumns(JSON.stringify(payload))).toMatchObject({ birth: 3, seq: 42 })
  })

  test('of ordinary devices', () => {
    expect(parseUplink(messages.chirpstackUplink.examples[0].payload)).toMatchObject({ fPort: 85 })
    const leak = messages.zigbee2mqttState.examples[0].payload
    expect(parseZigbee2mqtt({ topic: 'zigbee2mqtt/leak', payload: leak })).toMatchObject({ values: leak })
    const payload = messages.tasmotaTelemetry.examples[0].payload
    expect(parseTasmota({ topic: 'tele/yard/SENSOR', payload, utcOffsetHours: 8 })).toMatchObject({
      measuredAtMs: receivedAtMs,
    })
    expect(parseLines(messages.lineProtocol.examples[0].payload)).toMatchObject([
      { timeNs: BigInt(receivedAtMs) * 1_000_000n },
    ])
  })
})

test('a payload that is none fits no schema', () => {
  expect(against('readings', [])).not.toBe('')
  expect(against('columns', { birth: 1, i: [0], v: ['x'] })).not.toBe('')
  expect(against('status', { state: 'asleep' })).not.toBe('')
  expect(against('command', { kind: 'reboot', id: 'x' })).not.toBe('')
})

test('what the house writes fits as well, at its largest', () => {
  const readings = [
    { name: 'a', timeMs: receivedAtMs, value: 1, unit: 'm' },
    { name: 'b', timeMs: receivedAtMs - 5, value: Number.NaN, quality: 'missing' as const },
  ]
  expect(against('readings', JSON.parse(formatSenml(readings, { sequence: 7, backlog: true })))).toBe('')
  const i = Array.from({ length: columnsAtMost }, (_, place) => place)
  const columns = {
    birth: 1,
    seq: 7,
    backlog: true,
    t: receivedAtMs,
    i,
    d: undefined,
    v: i.map(() => null),
    q: i.map(() => 2),
  }
  expect(against('columns', JSON.parse(formatColumns(columns)))).toBe('')
})

/** Parameters filled with something that can stand there. */
function filled(address: string): string {
  const values: Record<string, string> = { message: 'NDATA', devEui: '24e124136b502217', event: 'up' }
  return address.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'x')
}

test.each(Object.entries(channels))('the address of %s is read by those who read such topics', (name, { address }) => {
  const topic = filled(address)
  if (name.startsWith('sparkplug')) {
    const message = topic.replace('NDATA', topic.split('/').length === 5 ? 'DDATA' : 'NDATA')
    return expect(parseSparkplugTopic(message)).toMatchObject({ group: 'x', edge: 'x' })
  }
  if (name === 'chirpstack') return expect(parseChirpstackTopic(topic)).toMatchObject({ event: 'up' })
  if (name.startsWith('zigbee2mqtt'))
    return expect(parseZigbee2mqtt({ topic, payload: '' })).toMatchObject({ device: 'x' })
  if (name.startsWith('tasmota'))
    return expect(
      parseTasmota({ topic, payload: name.endsWith('life') ? 'Online' : {}, utcOffsetHours: 8 }),
    ).toMatchObject({ device: 'x' })
  if (name === 'telegraf') return expect(topic).toBe('telegraf/x')
  return expect(parseTopic(topic)).toMatchObject({ district: 'x', gateway: 'x' })
})

test('what a real agent says fits, in SenML and in columns', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'forewarn-asyncapi-'))
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
  const broker = await startTestBroker()
  const listener = await connectAsync(broker.url, { clientId: 'listener', protocolVersion: 4 })
  await listener.subscribeAsync('fw/#', { qos: 1 })
  const heard: { channel: string; payload: unknown }[] = []
  const both = new Promise<void>(resolve => {
    listener.on('message', (topic, payload) => {
      heard.push({ channel: parseTopic(topic)?.channel ?? topic, payload: JSON.parse(payload.toString()) })
      const said = new Set(heard.map(({ channel }) => channel))
      if (['readings', 'columns', 'birth', 'status'].every(channel => said.has(channel))) resolve()
    })
  })
  const agent = await startEdgeAgent({
    districtId: 'jingan',
    gateways: [
      { id: 'gw-1', password: 'p' },
      { id: 'gw-2', password: 'p', format: 'columns' },
    ],
    brokerUrl: broker.url,
    dataDir,
    clock: liveClock(),
    log: silentLog(),
    metrics: createMetrics(),
    push: { host: '127.0.0.1', port: 0, token: 'token' },
  })
  const push = (gateway: string, n: number) =>
    fetch(`${agent.pushUrl}/push/${gateway}`, {
      method: 'POST',
      headers: { authorization: 'Bearer token' },
      body: JSON.stringify([{ n: 'gauge-1', v: n, t: receivedAtMs / 1000 + n }]),
    })
  for (const gateway of ['gw-1', 'gw-2']) expect((await push(gateway, 1)).status).toBe(204)
  // Columns hold only names that a birth has declared: the first pushes still go as SenML.
  for (let n = 2; broker.columns.length === 0; n++) await push('gw-2', n)
  await both
  await agent.stop()
  await listener.endAsync()
  await broker.stop()
  for (const { channel, payload } of heard) {
    const name = z.enum(['readings', 'columns', 'birth', 'status']).parse(channel)
    expect({ name, trouble: against(name, payload) }).toEqual({ name, trouble: '' })
  }
})
