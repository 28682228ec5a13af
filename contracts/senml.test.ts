import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { formatSenml, parseSenml, type SenmlPack } from './senml.ts'

const receivedAtMs = Date.UTC(2026, 6, 20, 15)
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))

function parsed(value: unknown): SenmlPack {
  const pack = parseSenml(bytes(value), receivedAtMs)
  if (pack === 'not-senml') throw new Error('not senml')
  return pack
}

const Vectors = z.object({
  rows: z.array(
    z.object({
      example: z.string(),
      pack: z.array(z.unknown()),
      resolved: z.array(z.tuple([z.string(), z.string().nullable(), z.number(), z.number()])),
      withoutTime: z.boolean(),
    }),
  ),
})
const vectors = Vectors.parse(JSON.parse(readFileSync(new URL('senml-vectors.json', import.meta.url), 'utf8')))

test.each(vectors.rows)('RFC 8428 $example resolves as its authors resolved it', ({ pack, resolved, withoutTime }) => {
  const records = parsed(pack).records.map(({ name, unit, timeMs, value }) => [name, unit ?? null, timeMs, value])
  const expected = resolved.map(([name, unit, timeS, value]) => [
    name,
    unit,
    withoutTime ? undefined : Math.round(timeS * 1000),
    value,
  ])
  expect(records).toEqual(expected)
})

test.each([
  ['no JSON', 'x'],
  ['an object', { n: 'a', v: 1 }],
  ['an empty pack', []],
  ['numbers', [1, 2]],
  ['a pack with a null in it', [{ n: 'a', v: 1 }, null]],
])('%s is no SenML', (_, value) => {
  expect(parseSenml(bytes(value), receivedAtMs)).toBe('not-senml')
})

test('bytes that are no UTF-8 are no SenML', () => {
  expect(parseSenml(Buffer.from([0x5b, 0xff, 0x5d]), receivedAtMs)).toBe('not-senml')
})

test.each([
  ['text for a value', { n: 'bad', v: '1' }, 'v is no number'],
  ['null for a value (what many devices make of NaN)', { n: 'bad', v: null }, 'v is no number'],
  ['no value', { n: 'bad' }, 'no v or vb'],
  ['no name', { v: 1 }, 'without a name'],
  ['a time that is text', { n: 'bad', v: 1, t: 'noon' }, 't is no number'],
  ['a newer version', { n: 'bad', v: 1, bver: 11 }, 'newer than 10'],
  ['a quality that is none', { n: 'bad', v: 1, fwq: 9 }, 'fwq is no quality: 9'],
  ['a quality in words', { n: 'bad', v: 1, fwq: 'fault' }, 'fwq is no quality'],
  ['a suspect reading without a value', { n: 'bad', fwq: 1 }, 'no v or vb'],
  ['a field that must be understood', { n: 'bad', v: 1, secret_: 1 }, 'secret_ must be understood'],
])('%s is a fault of its record alone', (_, bad, detail) => {
  const { records, faults } = parsed([{ n: 'good', v: 1 }, bad, { n: 'also good', v: 2 }])
  expect(records.map(({ name, index }) => [name, index])).toEqual([
    ['good', 0],
    ['also good', 2],
  ])
  expect(faults).toMatchObject([{ index: 1, detail: expect.stringContaining(detail) }])
})

test('a must-understand field written with an escape is found', () => {
  expect(parsed('[{"n":"a","v":1,"x\\u005f":1}]').faults.length).toBe(1)
})

test('times are relative to the arrival below 2^28 s, and whole milliseconds', () => {
  const times = parsed([
    { n: 'a', t: -5, v: 1 },
    { n: 'b', bt: 1276020076.001, v: 1 },
    { n: 'c', t: 1, v: 1 },
  ])
  expect(times.records.map(({ timeMs }) => timeMs)).toEqual([receivedAtMs - 5000, 1276020076001, 1276020077001])
})

test('what we write we read: names, times, values, units, sequence and backlog', () => {
  const readings = [
    { name: 'gauge-1', timeMs: receivedAtMs - 2500, value: 0.25, unit: 'm' },
    { name: 'gauge-2', timeMs: receivedAtMs, value: -1 },
  ]
  const pack = parsed(formatSenml(readings, { sequence: 7, backlog: true }))
  expect(pack).toMatchObject({ sequence: 7, backlog: true, records: readings, faults: [] })
})

test('a quality travels with its reading, and a missing one needs no value', () => {
  const readings = [
    { name: 'a', timeMs: receivedAtMs, value: 1, quality: 'good' },
    { name: 'b', timeMs: receivedAtMs, value: 65_535, quality: 'fault' },
    { name: 'c', timeMs: receivedAtMs, value: Number.NaN, quality: 'missing' },
    { name: 'd', timeMs: receivedAtMs, value: 0.2, quality: 'suspect' },
    { name: 'e', timeMs: receivedAtMs, value: 0.3, quality: 'maintenance' },
  ] as const
  const text = formatSenml(readings)
  expect(text.match(/"fwq":\d/g)).toEqual(['"fwq":4', '"fwq":2', '"fwq":1', '"fwq":3'])
  const { records, faults } = parsed(text)
  expect(faults).toEqual([])
  expect(records.map(({ name, value, quality }) => [name, value, quality])).toEqual([
    ['a', 1, 0],
    ['b', 65_535, 4],
    ['c', Number.NaN, 2],
    ['d', 0.2, 1],
    ['e', 0.3, 3],
  ])
})

test('null for a value is one when the record says that it is missing', () => {
  expect(parsed([{ n: 'a', v: null, fwq: 2 }]).records).toMatchObject([{ name: 'a', value: Number.NaN, quality: 2 }])
})
