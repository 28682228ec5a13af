import { qualityFlag, qualityOf } from '@forewarn/contracts/reading'
import { parseSenml } from '@forewarn/contracts/senml'
import { expect, test } from 'vitest'
import { createClocks } from './clocks.ts'
import { judgePack } from './judge.ts'
import { sensorNames } from './sensor-names.ts'
import { testDistrict } from './test-district.ts'

const receivedAtMs = Date.UTC(2026, 6, 20, 15)
const hourMs = 3_600_000
const names = sensorNames(testDistrict)

function judge(entries: readonly Record<string, unknown>[]) {
  const pack = parseSenml(Buffer.from(JSON.stringify(entries)), receivedAtMs)
  if (pack === 'not-senml') throw new Error('not senml')
  const { batch, asides } = judgePack(pack, {
    gatewayId: 'gw-1',
    gateway: names.gateway('gw-1'),
    names,
    receivedAtMs,
    clocks: createClocks(),
  })
  const rows = Array.from(batch.sensor, (sensor, row) => ({
    sensor,
    value: batch.value[row],
    ageMs: receivedAtMs - (batch.measuredAtMs[row] ?? 0),
    quality: batch.quality[row] ?? 0,
  }))
  return { rows, asides }
}

const atS = (ageMs: number) => (receivedAtMs - ageMs) / 1000

test.each([
  ['an unknown sensor', { n: 'gauge-9', v: 1 }, 'unknown-sensor'],
  ['a sensor of another gateway', { n: 'depth-2', v: 1 }, 'wrong-gateway'],
  ['a unit that is not the quantity’s', { n: 'depth-1', v: 25, u: 'cm' }, 'wrong-unit'],
  ['a value nature does not know', { n: 'depth-1', v: 97 }, 'out-of-bounds'],
  ['a value without end', { n: 'depth-1', bv: 1e308, v: 1e308 }, 'not-finite'],
  ['no value at all', { n: 'depth-1', v: null }, 'not-senml'],
])('%s is kept aside, and the others of its batch count', (_, bad, reason) => {
  const { rows, asides } = judge([{ n: 'gauge-1', v: 0.2 }, bad, { n: 'depth-1', bv: 0, v: 0.1 }])
  expect(rows.map(({ sensor, value }) => [sensor, value])).toEqual([
    [0, 0.2],
    [1, 0.1],
  ])
  expect(asides).toMatchObject([{ reason, index: 1, kept: false }])
})

test.each([
  ['now', 0, false, false],
  ['four minutes ahead', -4 * 60_000, false, false],
  ['six minutes ahead', -6 * 60_000, false, true],
  ['25 hours old', 25 * hourMs, false, false],
  ['27 hours old', 27 * hourMs, false, true],
  ['27 hours old out of the outbox', 27 * hourMs, true, false],
  ['49 hours old out of the outbox', 49 * hourMs, true, true],
])('a reading measured %s (skewed or not) counts in any case', (_, ageMs, backlog, isSkewed) => {
  const first = { n: 'depth-1', v: 0.3, t: atS(ageMs), ...(backlog ? { fwbacklog: true } : {}) }
  const { rows, asides } = judge([first])
  const flags = (isSkewed ? qualityFlag.clockReplaced : 0) | (backlog ? qualityFlag.backlog : 0)
  expect(rows).toEqual([{ sensor: 1, value: 0.3, ageMs: isSkewed ? 0 : ageMs, quality: flags }])
  expect(qualityOf(rows[0]?.quality ?? 99)).toBe('good')
  expect(asides.map(({ reason, kept }) => [reason, kept])).toEqual(isSkewed ? [['clock-skewed', true]] : [])
})

test('several readings of a sensor with a wrong clock stay apart', () => {
  const { rows } = judge([
    { n: 'depth-1', v: 0.1, t: atS(27 * hourMs) },
    { n: 'depth-1', v: 0.2, t: atS(27 * hourMs - 60_000) },
    { n: 'depth-1', v: 0.3, t: atS(27 * hourMs - 120_000) },
  ])
  expect(rows.map(({ value, ageMs }) => [value, ageMs])).toEqual([
    [0.1, 120_000],
    [0.2, 60_000],
    [0.3, 0],
  ])
})

test('a reading without a time counts when it arrives, and nothing is wrong with its clock', () => {
  expect(judge([{ n: 'depth-1', v: 0.1 }])).toMatchObject({ rows: [{ ageMs: 0, quality: 0 }], asides: [] })
})

test('SenML’s own names for a unit are understood', () => {
  expect(judge([{ n: 'depth-1', v: 0.1, u: 'm' }]).asides).toEqual([])
})

test('what the device calls missing or faulty is kept as that, also with a value nature does not know', () => {
  const { rows, asides } = judge([
    { n: 'depth-1', v: 65_535, fwq: 4 },
    { n: 'gauge-1', fwq: 2, fwbacklog: true },
    { n: 'gauge-1', v: 99, fwq: 1 },
  ])
  expect(rows.map(({ sensor, value, quality }) => [sensor, value, quality])).toEqual([
    [1, 65_535, 4],
    [0, Number.NaN, 2],
  ])
  expect(asides.map(({ reason }) => reason)).toEqual(['out-of-bounds'])
})
