import fc from 'fast-check'
import { expect, test } from 'vitest'
import { filterMatches } from '../topic-filters.ts'
import { retainedMessages } from './retained.ts'

const kept = (topic: string, text = 'x') => ({ topic, payload: Buffer.from(text), qos: 1 as const })
const roomy = { maxCount: 1000, maxBytes: 1e6 }
const level = fc.constantFrom('', 'a', 'b', '$x')
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map(levels => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.constantFrom('', 'a', 'b', '$x', '+'), { maxLength: 3 }), fc.constantFrom('#', '+', 'a', ''))
  .map(([levels, last]) => [...levels, last].join('/'))

test('a filter finds exactly the retained messages it matches, empty levels too', () => {
  fc.assert(
    fc.property(fc.uniqueArray(topics), fc.array(topics), filters, (stored, cleared, filter) => {
      const retained = retainedMessages(roomy)
      for (const topic of stored) retained.store(kept(topic))
      for (const topic of cleared) retained.store(kept(topic, ''))
      const left = stored.filter(topic => !cleared.includes(topic))
      expect([...retained.matching(filter)].map(({ topic }) => topic).toSorted()).toEqual(
        left.filter(topic => filterMatches(filter, topic)).toSorted(),
      )
      expect(retained.figures().count).toBe(left.length)
      for (const topic of left) retained.store(kept(topic, ''))
      expect(retained.figures()).toEqual({ count: 0, bytes: 0 })
    }),
  )
})

test('retained messages are bounded in number and in bytes, and a topic that is there may be renewed', () => {
  const few = retainedMessages({ maxCount: 2, maxBytes: 1e6 })
  expect([few.store(kept('a')), few.store(kept('b')), few.store(kept('c')), few.store(kept('a', 'new'))]).toEqual([
    true,
    true,
    false,
    true,
  ])
  const small = retainedMessages({ maxCount: 100, maxBytes: 1000 })
  expect(small.store(kept('a', 'y'.repeat(700)))).toBe(true)
  expect(small.store(kept('b', 'y'.repeat(700)))).toBe(false)
  expect(small.store(kept('a', 'y'.repeat(790)))).toBe(true)
  expect([...small.matching('#')].map(({ payload }) => payload.length)).toEqual([790])
})
