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
