import { decimalOf, writeSzy206 } from '@forewarn/protocols/szy206/frame'
import { handClock } from '@forewarn/runtime/clock'
import { expect, test } from 'vitest'
import { startSource } from '../source-fixture.ts'

const nowMs = Date.UTC(2026, 10, 22, 3, 0, 2)

const profile = `
source: szy206
gateway: gw-1
listen: { port: 0 }
stations:
  - address: "5303810D00"
    sensors:
      - { kind: 3, at: 0, bytes: 5, decimals: 3, sensor: flow-1, unit: m3/s }
      - { kind: 2, at: 0, bytes: 4, decimals: 3, sensor: level-1, never: [99.999] }
`

const address = Uint8Array.of(0x53, 0x03, 0x81, 0x0d, 0x00)

function frame(dataHex: string, more: Partial<Parameters<typeof writeSzy206>[0]> = {}): Uint8Array {
  return writeSzy206({ control: 0xb3, address, afn: 0xc0, data: Buffer.from(dataHex, 'hex'), ...more })
}

const published = frame('0059000000826110000001106000004508090A'.slice(0, 38))

test('a number is read where the profile says, at the time of arrival', async () => {
  await using started = await startSource(profile, { clock: handClock(nowMs) })
  const device = await started.device()
  device.send(published)
  device.send(frame('45030010', { control: 0xb2 }))
  await started.until(() => started.taken.length === 2)
  expect(started.taken).toEqual([
    { gateway: 'gw-1', backlog: false, name: 'flow-1', timeMs: nowMs, value: 5.9, unit: 'm3/s' },
    { gateway: 'gw-1', backlog: false, name: 'level-1', timeMs: nowMs, value: 10_000.345 },
  ])
  expect(device.received()).toHaveLength(0)
})

test('a number that stands for no measurement is missing', async () => {
  await using started = await startSource(profile, { clock: handClock(nowMs) })
  const device = await started.device()
  device.send(frame('99990900', { control: 0xb2 }))
  await started.until(() => started.taken.length === 1)
  expect(started.taken).toMatchObject([{ name: 'level-1', value: Number.NaN, quality: 'missing' }])
})

test.each([
  ['of another station', frame('0059000000', { address: new Uint8Array(5) }), 'unknown-station'],
  ['to a station', frame('0059000000', { control: 0x33 }), 'wrong-direction'],
  ['in packets', frame('0059000000', { control: 0xf3, packetsLeft: 2 }), 'split-message'],
  ['too short for the profile', frame('0059'), 'no-number'],
  ['with digits that are none', frame('00590000A0'), 'no-number'],
  ['with another checksum', Uint8Array.from(frame('0059000000')).fill(0, -2, -1), 'no-frame'],
])('a frame %s is refused', async (_, bytes, reason) => {
  await using started = await startSource(profile, { clock: handClock(nowMs) })
  const device = await started.device()
  device.send(bytes)
  await started.until(() => started.refused.length === 1)
  expect(started.refused).toMatchObject([{ reason }])
  expect(started.taken).toEqual([])
})

test.each([
  ['00590000 00', 3, 5.9],
  ['450300F0', 3, -0.345],
  ['000000F0', 3, 0],
  ['FFFFFFFF', 3, undefined],
  ['01B2', 2, undefined],
])('the digits %s with %i decimals are %s', (hex, decimals, value) => {
  expect(decimalOf(Buffer.from(hex.replace(' ', ''), 'hex'), decimals)).toBe(value)
})
