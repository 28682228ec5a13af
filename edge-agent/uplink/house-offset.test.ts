import { expect, test } from 'vitest'
import { measureHouseOffset } from './house-offset.ts'

test('an answer to a status gives the offset with half the round trip taken out', () => {
  const offset = measureHouseOffset()
  offset.asked(10_000)
  // The house read 7,100 half-way between 10,000 and 10,200 of ours.
  offset.heard({ id: '10000', houseMs: 7_100 }, 10_200)
  expect(offset.offsetMs()).toBe(3000)
})

test('the answer with the shortest round trip counts, and one that comes late does not', () => {
  const offset = measureHouseOffset()
  for (const [askedMs, backMs, houseMs] of [
    [10_000, 11_000, 7_900],
    [20_000, 20_020, 17_010],
    [30_000, 45_000, 30_000],
  ] as const) {
    offset.asked(askedMs)
    offset.heard({ id: String(askedMs), houseMs }, backMs)
  }
  expect(offset.offsetMs()).toBe(3000)
})

test('before anybody answers, times that come unasked count: the one that was under way for the shortest', () => {
  const offset = measureHouseOffset()
  expect(offset.offsetMs()).toBeUndefined()
  offset.heard({ id: 'a', houseMs: 1000 }, 4400)
  offset.heard({ id: 'b', houseMs: 2000 }, 5010)
  offset.heard({ id: 'c', houseMs: 3000 }, 6900)
  expect(offset.offsetMs()).toBe(3010)
})
