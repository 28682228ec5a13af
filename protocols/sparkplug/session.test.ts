import { describe, expect, test } from 'vitest'
import { bytesField, doubleField, varintField } from '../protobuf.ts'
import { encodeRebirth } from './command.ts'
import { readArray } from './datatypes.ts'
import { sparkplugDecoder } from './decoder.ts'
import { metricValue, parseSparkplugPayload, type SparkplugPayload } from './payload.ts'
import { type Heard, hearSparkplug, rebirthPauseMs, type SparkplugSession, unbornSession } from './session.ts'
import { nodeCommandTopic, parseSparkplugTopic, type SparkplugMessage } from './topic.ts'

const sentAtMs = Date.UTC(2026, 6, 20, 15)
const double = 10
const int16 = 2

interface MetricOf {
  readonly name?: string
  readonly alias?: number
  readonly datatype?: number
  readonly double?: number
  readonly int?: number
  readonly long?: number
  readonly quality?: number
}

function metric({ name, alias, datatype, double: value, int, long, quality }: MetricOf): Uint8Array {
  const property = bytesField(2, Buffer.concat([varintField(1, 3), varintField(3, quality ?? 192)]))
  return Buffer.concat([
    ...(name === undefined ? [] : [bytesField(1, name)]),
    ...(alias === undefined ? [] : [varintField(2, alias)]),
    ...(datatype === undefined ? [] : [varintField(4, datatype)]),
    ...(quality === undefined ? [] : [bytesField(9, Buffer.concat([bytesField(1, 'Quality'), property]))]),
    ...(int === undefined ? [] : [varintField(10, int)]),
    ...(long === undefined ? [] : [varintField(11, long)]),
    ...(value === undefined ? [] : [doubleField(13, value)]),
  ])
}

function payload(seq: number | undefined, metrics: readonly MetricOf[]): SparkplugPayload {
  const bytes = Buffer.concat([
    varintField(1, sentAtMs),
    ...metrics.map(one => bytesField(2, metric(one))),
    ...(seq === undefined ? [] : [varintField(3, seq)]),
  ])
  const read = parseSparkplugPayload(bytes)
  if (typeof read === 'string') throw new Error(read)
  return read
}

type Said = readonly [message: SparkplugMessage, payload: SparkplugPayload, device?: string]

const bdSeq = (long: number): MetricOf => ({ name: 'bdSeq', datatype: 8, long })
const birth: Said = ['NBIRTH', payload(0, [bdSeq(7), { name: 'level', alias: 100, datatype: double, double: 0.1 }])]
const data = (seq: number, value: number): Said => ['NDATA', payload(seq, [{ alias: 100, double: value }])]

/** Plays messages one second apart. Returns the last answer and all rebirths that were wanted. */
function play(said: readonly Said[], from: SparkplugSession = unbornSession) {
  let session = from
  let last: Heard = { session, readings: [] }
  const rebirths: (string | undefined)[] = []
  for (const [index, [message, body, device]] of said.entries()) {
    const address = { group: 'jingan', message, edge: 'pump-3', ...(device === undefined ? {} : { device }) }
    last = hearSparkplug(session, { address, payload: body, receivedAtMs: sentAtMs + index * 1000 })
    session = last.session
    if (last.rebirth !== undefined) rebirths.push(last.rebirth)
  }
  return { last, rebirths, session }
}

describe('an edge node', () => {
  test('is understood by its aliases once it was born', () => {
    const { last, rebirths } = play([birth, data(1, 0.28)])
    expect(rebirths).toEqual([])
    expect(last.readings).toEqual([
      { device: undefined, name: 'level', measuredAtMs: sentAtMs, value: 0.28, historical: false, quality: 192 },
    ])
  })

  test('says values in its birth as well, and no control words', () => {
    expect(play([birth]).last.readings.map(({ name, value }) => [name, value])).toEqual([['level', 0.1]])
  })

  test('whose data comes before its birth is asked once for a rebirth, and again after a pause', () => {
    const before = play([data(4, 1), data(5, 1), data(6, 1)])
    expect(before.rebirths).toEqual(['data-before-birth'])
    expect(before.last.readings).toEqual([])
    const address = { group: 'jingan', message: 'NDATA', edge: 'pump-3' } as const
    const later = { address, payload: data(7, 1)[1], receivedAtMs: sentAtMs + rebirthPauseMs }
    expect(hearSparkplug(before.session, later).rebirth).toBe('data-before-birth')
  })

  test('with a gap in its sequence is asked for a rebirth, and what it said still counts', () => {
    const { last, rebirths } = play([birth, data(1, 0.2), data(5, 0.3)])
    expect(rebirths).toEqual(['sequence-gap'])
    expect(last.readings).toMatchObject([{ name: 'level', value: 0.3 }])
  })

  test('counts from 255 to 0 without a gap', () => {
    const messages = Array.from({ length: 300 }, (_, i) => data((i + 1) % 256, i))
    expect(play([birth, ...messages]).rebirths).toEqual([])
  })

  test('that says a message twice is not asked for a rebirth', () => {
    expect(play([birth, data(1, 0.2), data(1, 0.2), data(2, 0.3)]).rebirths).toEqual([])
  })

  test('with an alias that no birth declared is asked for a rebirth, and its other metrics count', () => {
    const odd: Said = [
      'NDATA',
      payload(1, [
        { alias: 101, double: 9 },
        { alias: 100, double: 0.4 },
      ]),
    ]
    const { last, rebirths } = play([birth, odd])
    expect(rebirths).toEqual(['unknown-alias'])
    expect(last.readings).toMatchObject([{ name: 'level', value: 0.4 }])
  })

  test('whose birth does not begin the count is asked for another', () => {
    expect(play([['NBIRTH', payload(9, [bdSeq(1)])]]).rebirths).toEqual(['birth-without-zero'])
  })

  test('dies with the number it was born with; the death of an earlier connection is stale', () => {
    const old = play([birth, ['NDEATH', payload(undefined, [bdSeq(6)])], data(1, 0.2)])
    expect(old.rebirths).toEqual([])
    expect(old.last.readings).toHaveLength(1)
    const dead = play([birth, ['NDEATH', payload(undefined, [bdSeq(7)])]])
    expect(dead.last.life).toEqual({ device: undefined, alive: false })
    expect(play([data(1, 0.2)], dead.session).rebirths).toEqual(['data-before-birth'])
  })

  test('that says its value is bad or stale is believed', () => {
    const stale: Said = ['NDATA', payload(1, [{ alias: 100, double: 0.4, quality: 500 }])]
    expect(play([birth, stale]).last.readings).toMatchObject([{ quality: 500 }])
  })
})

describe('a device of a node', () => {
  const dbirth: Said = ['DBIRTH', payload(1, [{ name: 'tilt', alias: 5, datatype: int16, int: 0xfffb }]), 'mast']
  const ddata: Said = ['DDATA', payload(2, [{ alias: 5, int: 0xfff0 }]), 'mast']

  test('is born within the sequence of its node; its signed numbers keep their sign', () => {
    const { last, rebirths } = play([birth, dbirth, ddata])
    expect(rebirths).toEqual([])
    expect(last.readings).toMatchObject([{ device: 'mast', name: 'tilt', value: -16 }])
  })

  test('that speaks before its birth, or after its death, makes the node be born again', () => {
    expect(play([birth, ['DDATA', payload(1, [{ alias: 5, int: 1 }]), 'mast']]).rebirths).toEqual(['data-before-birth'])
    const dead: Said = ['DDEATH', payload(2, []), 'mast']
    const after: Said = ['DDATA', payload(3, [{ alias: 5, int: 1 }]), 'mast']
    expect(play([birth, dbirth, dead, after]).rebirths).toEqual(['data-before-birth'])
  })
})

test('the rebirth command is what the specification asks for', () => {
  const read = parseSparkplugPayload(encodeRebirth(sentAtMs))
  if (typeof read === 'string') throw new Error(read)
  expect(read.timestamp).toBe(sentAtMs)
  expect(read.metrics).toMatchObject([{ name: 'Node Control/Rebirth', datatype: 11 }])
  const [first] = read.metrics
  expect(first && metricValue(first, 'Boolean')).toBe(true)
  expect(nodeCommandTopic({ group: 'jingan', edge: 'pump-3' })).toBe('spBv1.0/jingan/NCMD/pump-3')
})

test.each([
  ['spBv1.0/g/NBIRTH/e', { group: 'g', message: 'NBIRTH', edge: 'e' }],
  ['spBv1.0/g/DDATA/e/d', { group: 'g', message: 'DDATA', edge: 'e', device: 'd' }],
  ['spBv1.0/STATE/scada', { message: 'STATE', host: 'scada' }],
  ['spBv1.0/g/NBIRTH/e/d', undefined],
  ['spBv1.0/g/DDATA/e', undefined],
  ['spBv1.0/g/DELETE/e', undefined],
  ['spAv1.0/g/NBIRTH/e', undefined],
  ['spBv1.0/g/DDATA/e/d/x', undefined],
])('%s is read as its parts', (topic, parts) => {
  expect(parseSparkplugTopic(topic)).toEqual(parts)
})

test.each([
  ['Int16Array', 'D08A3075', [-30000, 30000]],
  ['UInt8Array', '17FA', [23, 250]],
  ['UInt32Array', '3400000049FB55C4', [52, 3293969225]],
  ['FloatArray', '0000803F000000C0', [1, -2]],
  ['DoubleArray', '000000000000F03F', [1]],
  ['BooleanArray', '0C00000034D0', [0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1].map(Boolean)],
  ['StringArray', '4142430068656C6C6F00', ['ABC', 'hello']],
  ['DateTimeArray', 'C7D0907524010000B8BAB89781010000', [1256102875335, 1656107875000]],
] as const)('%s is packed as the rule says', (datatype, hex, values) => {
  expect(readArray(Buffer.from(hex, 'hex'), datatype)).toEqual(values)
})

describe('the decoder', () => {
  test.each([
    ['half an Int16', 'Int16Array', 'D08A30'],
    ['a text without an end', 'StringArray', '4142'],
    ['booleans fewer than announced', 'BooleanArray', 'FF00000001'],
  ])('%s is refused', (_, kind, hex) => {
    expect(sparkplugDecoder.decode({ bytes: Buffer.from(hex, 'hex'), kind }).expect).toBe('reject')
  })

  test.each(['FloatArray 3F9D70A442B2AE98', 'DateTimeArray C7D090752401B8BAB8978101'])(
    'the misprint %s is told apart',
    line => {
      const [kind = '', hex = ''] = line.split(' ')
      expect(sparkplugDecoder.decode({ bytes: Buffer.from(hex, 'hex'), kind }).expect).toBe('spec-erratum')
    },
  )

  test('a field it does not know is passed over', () => {
    const bytes = Buffer.concat([varintField(1, 5), bytesField(77, 'new'), varintField(3, 1)])
    expect(sparkplugDecoder.decode({ bytes }).records).toEqual([{ metrics: [], timestamp: 5, seq: 1 }])
  })

  test('a host says whether it is online', () => {
    const state = sparkplugDecoder.decode({ topic: 'spBv1.0/STATE/scada', text: '{"online":true,"timestamp":5}' })
    expect(state.records).toEqual([{ host: 'scada', online: true, timestamp: 5 }])
  })
})
