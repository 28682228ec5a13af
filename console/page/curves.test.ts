import { expect, test } from 'vitest'
import { underpassWarning } from '../fixtures/warnings.ts'
import { curvesOf } from './curves.ts'

const nowMs = Date.UTC(2026, 6, 1, 6, 6)
const { forecast } = underpassWarning(nowMs).evidence
const observed = (value: readonly (number | null)[]) => ({
  sensor: 'wd',
  quantity: 'water_depth' as const,
  unit: 'm',
  atMs: value.map((_, i) => nowMs - (value.length - i) * 60_000),
  value,
})

test('the fan opens where the observed line ends, in shown units', () => {
  const curves = curvesOf({ observed: observed([0.1, 0.11, 0.12]), forecast, nowMs, factor: 100 })
  expect(curves.observed.slice(0, 3)).toEqual([10, 11, 12])
  expect([curves.p10[2], curves.p50[2], curves.p90[2]]).toEqual([12, 12, 12])
  expect(curves.atMs).toEqual([...curves.atMs].sort((a, b) => a - b))
})

test('a gap in the readings stays a gap', () => {
  expect(curvesOf({ observed: observed([0.1, null, 0.12]), forecast: undefined, nowMs, factor: 1 }).observed).toEqual([
    0.1,
    null,
    0.12,
  ])
})

test('without readings the forecast stands alone', () => {
  const curves = curvesOf({ observed: null, forecast, nowMs, factor: 1 })
  expect(curves.p50.length).toBeGreaterThan(10)
  expect(curves.p50.every(value => value !== null)).toBe(true)
})
