import { expect, test } from 'vitest'
import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, type VectorRow, vectorRows } from '../vectors/check-vectors.ts'
import { sensorthingsDecoder } from './decoder.ts'

checkVectors('sensorthings', sensorthingsDecoder, same)

/** The published rows name some fields each, not all, and one has a remark among them. */
function same(record: unknown, { decoded }: VectorRow): void {
  const { note: _, ...fields }: { note?: unknown } = Object(decoded)
  expect(record).toMatchObject(fields)
}

fuzzDecoder('sensorthings', sensorthingsDecoder, vectorRows('sensorthings').map(frameOf))

const good = {
  phenomenonTime: '2026-07-20T15:00:00Z/2026-07-20T15:05:00Z',
  result: 0.28,
  Datastream: { '@iot.id': 'x' },
}

test('an interval is a time as well, and an id may be a text', () => {
  expect(sensorthingsDecoder.decode({ json: good }).records).toEqual([
    { datastream: 'x', phenomenonTime: good.phenomenonTime, result: 0.28 },
  ])
})

test.each([
  ['a Datastream that is an array', { ...good, Datastream: [{ '@iot.id': 1 }] }],
  ['a property that is not known', { ...good, colour: 'red' }],
  ['no result', { Datastream: { '@iot.id': 1 } }],
  ['a time without a zone', { ...good, phenomenonTime: '2026-07-20T15:00:00' }],
  ['an interval that ends before it begins', { ...good, phenomenonTime: '2026-07-20T15:05:00Z/2026-07-20T15:00:00Z' }],
  ['a valid time that is an instant', { ...good, validTime: '2026-07-20T15:00:00Z' }],
  ['no object', 7],
])('%s is refused', (_, json) => {
  expect(sensorthingsDecoder.decode({ json }).expect).toBe('reject')
})
