import { expect, test } from 'vitest'
import { RecentReadings, type RingSize } from './recent-readings.ts'

const minuteMs = 60_000
/** Ten minutes of a sensor that speaks once a minute. */
const level: RingSize = { readings: 18, spacingMs: 45_000, isAmount: false }

function take(size: RingSize, { untilMin, everyS, value }: { untilMin: number; everyS: number; value: number }) {
  const recent = new RecentReadings(new Map([[7, size]]))
  for (let atMs = 0; atMs <= untilMin * minuteMs; atMs += everyS * 1000) recent.take(7, atMs, value)
  const seen = { minutes: new Array<number>(), values: new Array<number>() }
  recent.since(7, (untilMin - 10) * minuteMs, seen)
  return { recent, ...seen }
}

test('a sensor that speaks in its period keeps every reading', () => {
  const { minutes } = take(level, { untilMin: 60, everyS: 60, value: 1 })
  expect(minutes).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test('readings that come early or late by a fifth of the period are kept as well', () => {
  const recent = new RecentReadings(new Map([[7, level]]))
  const atS = [0, 48, 120, 168, 240, 288]
  for (const s of atS) recent.take(7, s * 1000, s)
  const seen = { minutes: new Array<number>(), values: new Array<number>() }
  recent.since(7, -1, seen)
  expect(seen.values).toEqual(atS)
})

test('a sensor asked to speak every five seconds is looked back over just as far, and its newest reading is there', () => {
  const { minutes } = take(level, { untilMin: 60, everyS: 5, value: 1 })
  expect(minutes[0]).toBeLessThanOrEqual(1)
  expect(minutes.at(-1)).toBe(10)
  expect(minutes.length).toBeLessThanOrEqual(level.readings)
})

test('amounts that share a slot add up: no rain is lost', () => {
  const rain = { ...level, isAmount: true }
  const fast = take(rain, { untilMin: 60, everyS: 5, value: 0.1 })
  const sum = fast.values.reduce((a, b) => a + b, 0)
  expect(sum).toBeGreaterThan(120 * 0.1 - 1.2)
  expect(sum).toBeLessThan(120 * 0.1 + 1.2)
})
