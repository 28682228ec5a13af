import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rainBetween } from './rain-total.ts'

const rules = { wrapAtMm: 1000, mostMmPerHour: 400 }
const before = { totalMm: 990, atMs: 0 }

test.each([
  ['a little more', { totalMm: 990.4, atMs: 300_000 }, { kind: 'rain', mm: 0.4, durationMs: 300_000 }],
  ['nothing more', { totalMm: 990, atMs: 300_000 }, { kind: 'rain', mm: 0, durationMs: 300_000 }],
  ['beyond the end of the digits', { totalMm: 3.2, atMs: 300_000 }, { kind: 'rain', mm: 13.2, durationMs: 300_000 }],
  [
    'to zero close to the end, which may as well be the end',
    { totalMm: 0, atMs: 1 },
    { kind: 'rain', mm: 10, durationMs: 1 },
  ],
  ['set back', { totalMm: 500, atMs: 300_000 }, { kind: 'reset' }],
  ['an older report', { totalMm: 999, atMs: -1 }, { kind: 'older' }],
  ['the same report again', { totalMm: 990, atMs: 0 }, { kind: 'repeated' }],
] as const)('%s', (_, now, step) => {
  expect(rainBetween(before, now, rules)).toEqual(step)
})

test('a leap upwards is no rain', () => {
  expect(rainBetween({ totalMm: 0, atMs: 0 }, { totalMm: 700, atMs: 300_000 }, rules)).toEqual({ kind: 'reset' })
  expect(rainBetween({ totalMm: 0, atMs: 0 }, { totalMm: 300, atMs: 3_600_000 }, rules)).toMatchObject({ mm: 300 })
})

test('the first total says nothing', () => {
  expect(rainBetween(undefined, before, rules)).toEqual({ kind: 'first' })
})

test('what fell adds up to what the gauge counted, over any number of wraps', () => {
  const falls = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9999 }), falls, (firstTenths, tenths) => {
      let [counted, sum, last] = [firstTenths, 0, { totalMm: firstTenths / 10, atMs: 0 }]
      for (const fall of tenths) {
        counted = (counted + fall) % 10_000
        const now = { totalMm: counted / 10, atMs: last.atMs + 300_000 }
        const step = rainBetween(last, now, rules)
        sum += step.kind === 'rain' ? Math.round(step.mm * 10) : Number.NaN
        last = now
      }
      expect(sum).toBe(tenths.reduce((all, fall) => all + fall, 0))
    }),
  )
})
