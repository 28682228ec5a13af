import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultLimits } from '@forewarn/broker/limits'
import { columnsAtMost, parseColumns } from '@forewarn/contracts/columns'
import { Birth, Command, LocalAlarm, Status } from '@forewarn/contracts/gateway-messages'
import { parseSenml } from '@forewarn/contracts/senml'
import { parseTopic } from '@forewarn/contracts/topics'
import { loadDecoder } from '@forewarn/protocols/decoders'
import { parseSenmlCbor } from '@forewarn/protocols/senml/cbor-pack'
import { parseSparkplugPayload } from '@forewarn/protocols/sparkplug/payload'
import { hearSparkplug, unbornSession } from '@forewarn/protocols/sparkplug/session'
import { parseSparkplugTopic } from '@forewarn/protocols/sparkplug/topic'
import { expect, test } from 'vitest'
import type { z } from 'zod'

const doc = readFileSync(join(import.meta.dirname, '..', 'docs', 'GATEWAYS.md'), 'utf8')
const receivedAtMs = Date.UTC(2026, 6, 20, 15)

interface Example {
  readonly topic: string
  readonly coding: string
  readonly body: string
}

/** Every fenced payload with the topic that the sentence before it names last. */
const examples: Example[] = [...doc.matchAll(/^```(json|hex|base64|text)\n([\s\S]*?)^```/gm)].map(match => {
  const before = doc.slice(0, match.index)
  const topic = [...before.matchAll(/`((?:fw|application|spBv1\.0|zigbee2mqtt|tele|telegraf)\/[^`{…]+)`/g)].at(-1)?.[1]
  return { topic: topic ?? '', coding: match[1] ?? '', body: (match[2] ?? '').trim() }
})

function bytesOf({ coding, body }: Example): Buffer {
  return coding === 'hex' || coding === 'base64' ? Buffer.from(body, coding) : Buffer.from(body)
}

const schemas: Readonly<Record<string, z.ZodType>> = {
  birth: Birth.strict(),
  status: Status.strict(),
  alarm: LocalAlarm.strict(),
  command: Command,
}

const protocols: readonly (readonly [beginning: string, protocol: string])[] = [
  ['application/', 'chirpstack'],
  ['spBv1.0/', 'sparkplug'],
  ['zigbee2mqtt/', 'zigbee2mqtt'],
  ['tele/', 'tasmota'],
  ['telegraf/', 'line-protocol-decode'],
]

/** What the house would make of it: a sentence when it would not take it whole. */
async function trouble(example: Example): Promise<string | undefined> {
  const channel = parseTopic(example.topic)?.channel
  const bytes = bytesOf(example)
  if (channel === 'readings') {
    const pack = example.coding === 'hex' ? parseSenmlCbor(bytes, receivedAtMs) : parseSenml(bytes, receivedAtMs)
    return pack === 'not-senml' ? pack : pack.faults[0]?.detail
  }
  if (channel === 'columns') {
    const columns = parseColumns(example.body)
    return typeof columns === 'string' ? columns : undefined
  }
  const schema = schemas[channel ?? '']
  if (schema !== undefined) return schema.safeParse(JSON.parse(example.body)).error?.message
  const decoder = await loadDecoder(protocols.find(([beginning]) => example.topic.startsWith(beginning))?.[1] ?? '')
  if (decoder === undefined) return `nobody reads ${example.topic}`
  const { ok, error } = decoder.decode({ bytes, topic: example.topic, receivedAtMs })
  return ok ? undefined : error
}

test('the page has an example of every format', () => {
  const kinds = new Set(
    examples.map(({ topic, coding }) => `${parseTopic(topic)?.channel ?? topic.split('/')[0]} ${coding}`),
  )
  expect([...kinds].toSorted()).toEqual([
    'alarm json',
    'application json',
    'birth json',
    'columns json',
    'command json',
    'readings hex',
    'readings json',
    'spBv1.0 base64',
    'status json',
    'tele json',
    'telegraf text',
    'zigbee2mqtt json',
  ])
})

test.each(examples.map((example): [string, Example] => [example.topic, example]))(
  'the example on %s is taken whole',
  async (_, example) => {
    expect(await trouble(example)).toBeUndefined()
  },
)

test('an example that is wrong would be found', async () => {
  expect(await trouble({ topic: 'fw/1/jingan/gw-1/readings', coding: 'json', body: '[{"n":"a"}]' })).toContain('no v')
  expect(await trouble({ topic: 'fw/1/jingan/gw-1/status', coding: 'json', body: '{"state":"on"}' })).toContain('state')
  expect(await trouble({ topic: 'tele/yard/LWT', coding: 'text', body: 'Perhaps' })).toContain('LWT')
})

test('the birth and the data of the Sparkplug example belong together', () => {
  let session = unbornSession
  const readings = examples
    .filter(({ coding }) => coding === 'base64')
    .flatMap(example => {
      const payload = parseSparkplugPayload(bytesOf(example))
      const address = parseSparkplugTopic(example.topic)
      if (typeof payload === 'string' || address === undefined || address.message === 'STATE')
        throw new Error('no example')
      const heard = hearSparkplug(session, { address, payload, receivedAtMs })
      session = heard.session
      expect(heard.rebirth).toBeUndefined()
      return heard.readings
    })
  expect(readings.map(({ name, value }) => [name, value])).toEqual([
    ['level', 0.28],
    ['level', 0.31],
  ])
})

test('the limits on the page are those of the broker', () => {
  const rows = [...doc.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, name = '', value]) => [name, Number(value)])
  const ours: Readonly<Record<string, number>> = defaultLimits
  expect(rows.length).toBeGreaterThan(8)
  expect(rows).toEqual(rows.map(([name = '']) => [name, ours[name]]))
  expect(doc).toContain(`at most ${columnsAtMost} readings`)
})
