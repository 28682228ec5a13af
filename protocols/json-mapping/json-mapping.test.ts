import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { mappingDecoder } from '../json/decoder.ts'
import { mapPayload } from './map-payload.ts'
import { type Mapping, parseMappings } from './mapping.ts'
import { follow, parsePath } from './path.ts'
import { isZone, timeMsOf } from './times.ts'
import { matchTopic, parseTopicPattern } from './topic-pattern.ts'

const receivedAtMs = Date.UTC(2026, 6, 20, 15)

const yard = `
mappings:
  - name: yard boxes
    topic: sites/{site}/box/{box}
    time: { path: meta.at, zone: Asia/Shanghai }
    values:
      - path: depth
        sensor: "{site}-{box}.level"
        unit: m
        scale: 0.01
        missing: [65535, "n/a"]
      - path: pump.state
        sensor: "{site}-{box}.pump"
        codes: { RUN: 1, STOP: 0 }
  - name: many at once
    topic: bulk/#
    values:
      - path: readings.{i}.v
        let: { id: "readings.{i}.id" }
        sensor: "{id}"
        time: { path: "readings.{i}.t", format: unix-ms }
  - name: one by its topic
    topic: plain/{sensor}
    values: [{ path: $, sensor: "{sensor}" }]
`

function mappings(yaml: string): Mapping[] {
  const parsed = parseMappings(yaml)
  if (!Array.isArray(parsed)) throw new Error(JSON.stringify(parsed))
  return parsed
}
const [boxes, bulk, plain] = mappings(yard)

function mapped(mapping: Mapping | undefined, topic: string, payload: unknown) {
  if (mapping === undefined) throw new Error('no such mapping')
  return mapPayload(topic, payload, mapping, receivedAtMs)
}

describe('a payload', () => {
  test('gives each value to its sensor, in its unit, at its time', () => {
    const payload = { depth: 28, pump: { state: 'RUN' }, meta: { at: '2026-07-20 22:59:30' } }
    const measuredAtMs = Date.UTC(2026, 6, 20, 14, 59, 30)
    expect(mapped(boxes, 'sites/tidal/box/4', payload)).toEqual({
      readings: [
        { sensor: 'tidal-4.level', value: 0.28, unit: 'm', measuredAtMs, quality: 'good' },
        { sensor: 'tidal-4.pump', value: 1, unit: undefined, measuredAtMs, quality: 'good' },
      ],
      faults: [],
    })
  })

  test.each([65535, 'n/a', null])('that says %j instead of a value has none', depth => {
    expect(mapped(boxes, 'sites/tidal/box/4', { depth })).toMatchObject({
      readings: [{ sensor: 'tidal-4.level', value: Number.NaN, quality: 'missing' }],
    })
  })

  test('without a time, or with one that cannot be read, is of its arrival', () => {
    for (const meta of [undefined, {}, { at: 'yesterday' }, { at: '2026-13-01 00:00:00' }])
      expect(mapped(boxes, 'sites/tidal/box/4', { depth: 1, meta })).toMatchObject({
        readings: [{ measuredAtMs: receivedAtMs }],
      })
  })

  test('with several sensors names each, with its own time', () => {
    const payload = { readings: [{ id: 'a', v: 1, t: 1000 }, { id: 'b', v: '2.5', t: '2000' }, { v: 3 }] }
    expect(mapped(bulk, 'bulk/x/y', payload)).toMatchObject({
      readings: [
        { sensor: 'a', value: 1, measuredAtMs: 1000 },
        { sensor: 'b', value: 2.5, measuredAtMs: 2000 },
      ],
      faults: ['{id}: a name in it is not in the payload'],
    })
  })

  test.each([
    [0.28, 0.28],
    [true, 1],
    ['12', 12],
  ])('may be the bare value %j', (payload, value) => {
    expect(mapped(plain, 'plain/tidal-04.level', payload)).toMatchObject({
      readings: [{ sensor: 'tidal-04.level', value }],
    })
  })

  test('that cannot be read says so, and what can be read counts', () => {
    const payload = { depth: 'deep', pump: { state: 'STOP' } }
    expect(mapped(boxes, 'sites/tidal/box/4', payload)).toMatchObject({
      readings: [{ sensor: 'tidal-4.pump', value: 0 }],
      faults: ['tidal-4.level: "deep" is no number and has no code'],
    })
  })

  test('with nothing of the mapping in it is a fault, on another topic nothing', () => {
    expect(mapped(boxes, 'sites/tidal/box/4', {})?.faults).toEqual([
      'nothing of the mapping "yard boxes" is in the payload',
    ])
    expect(mapped(boxes, 'sites/tidal/box/4/x', {})).toBeUndefined()
  })
})

describe('what is wrong in a mapping file is told with its line and field', () => {
  test.each([
    ['no YAML', 'mappings: [', 1, ''],
    [
      'an unknown key',
      'mappings:\n  - name: a\n    topic: t\n    colour: red\n    values: [{ path: $, sensor: x }]',
      4,
      'mappings[0].colour',
    ],
    [
      'a bad path',
      'mappings:\n  - name: a\n    topic: t\n    values:\n      - sensor: x\n        path: a..b',
      6,
      'mappings[0].values[0].path',
    ],
    [
      'a name that nothing means',
      'mappings:\n  - name: a\n    topic: t\n    values:\n      - path: a\n        sensor: "{b}"',
      6,
      'mappings[0].values[0].sensor',
    ],
    [
      'a bad topic',
      'mappings:\n  - name: a\n    topic: "#/t"\n    values: [{ path: $, sensor: x }]',
      3,
      'mappings[0].topic',
    ],
    ['no values', 'mappings:\n  - name: a\n    topic: t\n', 2, 'mappings[0].values'],
    [
      'a zone that is none',
      'mappings:\n  - name: a\n    topic: t\n    time: { path: t, zone: Mars }\n    values: [{ path: $, sensor: x }]',
      4,
      'mappings[0].time.zone',
    ],
    ['an alias to nothing', 'mappings: *a', 1, ''],
  ])('%s', (_, yaml, line, field) => {
    const parsed = parseMappings(yaml)
    expect(Array.isArray(parsed) ? [] : parsed.faults).toContainEqual({
      line,
      field,
      message: expect.stringMatching(/\w/),
    })
  })
})

test.each([
  ['a.b', ['a', 'b'], 1],
  ['$.a.b', ['a', 'b'], 1],
  ['a[0].c', ['a', '0', 'c'], 1],
  ['"a.b".c', ['a.b', 'c'], 1],
  ['雨量.值', ['雨量', '值'], 1],
])('the path %s leads where it says', (text, names, count) => {
  const path = parsePath(text)
  if (typeof path === 'string') throw new Error(path)
  const nested = names.toReversed().reduce<unknown>((inner, name) => (name === '0' ? [inner] : { [name]: inner }), 7)
  expect(follow(nested, path)).toEqual(Array.from({ length: count }, () => ({ value: 7, bindings: {} })))
})

test.each(['', '.a', 'a.', 'a..b', 'a{b', '[x]'])('%j is no path', text => {
  expect(typeof parsePath(text)).toBe('string')
})

test('a path does not lead into what every object has', () => {
  const path = parsePath('constructor.name')
  expect(typeof path === 'string' ? [] : follow({}, path)).toEqual([])
  expect(typeof path).toBe('object')
})

test.each([
  ['2026-07-20T23:00:00', 'iso', 'Asia/Shanghai', receivedAtMs],
  ['2026/7/20 23:00', 'iso', '+08:00', receivedAtMs],
  ['2026-07-20T15:00:00.250Z', 'iso', 'Asia/Shanghai', receivedAtMs + 250],
  ['2026-07-20T17:00:00+0200', 'iso', 'Asia/Shanghai', receivedAtMs],
  ['2026-03-29T03:30:00', 'iso', 'Europe/Berlin', Date.UTC(2026, 2, 29, 1, 30)],
  ['2026-02-30', 'iso', 'Z', undefined],
  [receivedAtMs / 1000, 'unix-s', 'Z', receivedAtMs],
  [String(receivedAtMs), 'unix-ms', 'Z', receivedAtMs],
  [receivedAtMs * 1e6, 'unix-ns', 'Z', receivedAtMs],
  [1e30, 'unix-s', 'Z', undefined],
  [true, 'unix-s', 'Z', undefined],
] as const)('%s as %s in %s is that moment', (value, format, zone, atMs) => {
  expect(timeMsOf(value, { format, zone })).toBe(atMs)
})

test('zones are known by name and by number', () => {
  expect(['Asia/Shanghai', '+08:00', 'Z', 'Asia/Atlantis'].map(isZone)).toEqual([true, true, true, false])
})

test.each([
  ['a/{x}/c', 'a/b/c', { x: 'b' }],
  ['a/+/c', 'a/b/c', {}],
  ['a/{x}/#', 'a/b/c/d', { x: 'b' }],
  ['a/{x}', 'a/b/c', undefined],
  ['a/b', 'a/c', undefined],
])('the topic pattern %s on %s', (pattern, topic, bindings) => {
  const parsed = parseTopicPattern(pattern)
  if (typeof parsed === 'string') throw new Error(parsed)
  expect(matchTopic(parsed, topic)).toEqual(bindings)
})

test('as a decoder the first mapping that fits the topic reads', () => {
  const decoder = mappingDecoder(mappings(yard))
  expect(decoder.decode({ topic: 'plain/x', text: '0.5', receivedAtMs })).toMatchObject({
    ok: true,
    records: [{ sensor: 'x', value: 0.5 }],
  })
  expect(decoder.decode({ topic: 'other', json: {} }).error).toBe('no mapping reads other')
  expect(decoder.decode({ json: {} }).expect).toBe('reject')
})

test('the example of the README gives what it says', () => {
  const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  const block = (language: string) => new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(text)?.[1] ?? ''
  const [mapping] = mappings(block('yaml'))
  const at = { measuredAtMs: Date.UTC(2026, 6, 20, 14, 59, 30), quality: 'good' }
  expect(mapped(mapping, 'sites/tidal/box/4', JSON.parse(block('json')))).toEqual({
    readings: [
      { sensor: 'tidal-4.level', value: 0.28, unit: 'm', ...at },
      { sensor: 'tidal-4.pump', value: 1, unit: undefined, ...at },
      { sensor: 'tidal-t1', value: 21.5, unit: 'Cel', ...at },
    ],
    faults: [],
  })
})
