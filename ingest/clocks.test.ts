import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '@forewarn/runtime/log'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createClocks } from './clocks.ts'
import { clockFile } from './gateways/clock-file.ts'
import { testDistrict } from './test-district.ts'

const hourMs = 3_600_000

test('readings of a wrong clock stay apart, however fast or slow the network was for each', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ pauseMs: fc.integer({ min: 1, max: 50 }), delayMs: fc.nat({ max: 40_000 }) }), {
        minLength: 2,
      }),
      said => {
        const clocks = createClocks()
        let trueMs = Date.UTC(2026, 6, 1)
        const counted = said.map(({ pauseMs, delayMs }) => {
          trueMs += pauseMs
          const receivedAtMs = trueMs + delayMs
          return clocks.replaced('gw', {
            sensor: 1,
            timeMs: trueMs - 27 * hourMs,
            arrivalMs: receivedAtMs,
            receivedAtMs,
          })
        })
        expect(new Set(counted).size).toBe(counted.length)
      },
    ),
  )
})

test('a repeat of a reading with a wrong clock is the same reading', () => {
  const clocks = createClocks()
  const timeMs = Date.UTC(2014, 0, 1)
  const first = clocks.replaced('gw', { sensor: 1, timeMs, arrivalMs: 1_000_000, receivedAtMs: 1_000_000 })
  expect(clocks.replaced('gw', { sensor: 1, timeMs, arrivalMs: 1_004_000, receivedAtMs: 1_004_000 })).toBe(first)
})

test('after a restart a clock that is wrong is shifted as before', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'forewarn-clocks-'))
  const file = { file: join(dir, 'clocks.json'), district: testDistrict, log: silentLog() }
  const timeMs = Date.UTC(2014, 0, 1)
  const off = (receivedAtMs: number) => ({ sensor: 1, timeMs, arrivalMs: receivedAtMs, receivedAtMs })
  const before = createClocks(clockFile(file))
  const counted = before.replaced('gw', off(1_000_000))
  await before.kept()
  expect(before.kept()).toBeUndefined()
  expect(createClocks(clockFile(file)).replaced('gw', off(1_007_000))).toBe(counted)
  await rm(dir, { recursive: true })
})
