import { handClock } from '@forewarn/runtime/clock'
import { expect, test } from 'vitest'
import { Pace } from './pace.ts'

const startMs = Date.UTC(2026, 10, 22)

function pace() {
  const clock = handClock(startMs)
  let changes = 0
  const made = new Pace({ clock, onChanged: () => changes++ })
  return { clock, pace: made, periods: () => Object.fromEntries(made.periodMsBySensor()), changes: () => changes }
}

test('a command makes sensors faster for a while, then they are as configured', () => {
  const { clock, pace: steered, periods, changes } = pace()
  steered.configure('gw-1', { a: 300, b: 5 })
  steered.faster({ sensors: ['a', 'b', 'c'], periodS: 10, untilMs: startMs + 60_000 })
  expect(periods()).toEqual({ a: 10_000, b: 5000, c: 10_000 })
  clock.advance(59_999)
  expect(periods()).toEqual({ a: 10_000, b: 5000, c: 10_000 })
  const before = changes()
  clock.advance(1)
  expect(periods()).toEqual({ a: 300_000, b: 5000 })
  expect(changes()).toBe(before + 1)
})

test('a command without a period ends the one before', () => {
  const { pace: steered, periods } = pace()
  steered.faster({ sensors: ['a', 'b'], periodS: 10, untilMs: startMs + 60_000 })
  steered.faster({ sensors: ['a'], periodS: null, untilMs: startMs + 60_000 })
  expect(periods()).toEqual({ b: 10_000 })
})

test('a configuration takes the place of the one before', () => {
  const { pace: steered, periods } = pace()
  steered.configure('gw-1', { a: 300 })
  steered.configure('gw-2', { z: 60 })
  steered.configure('gw-1', { b: 30 })
  expect(periods()).toEqual({ b: 30_000, z: 60_000 })
})
