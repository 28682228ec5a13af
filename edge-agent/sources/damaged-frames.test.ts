import { damagedFrame, fuzzCases, seededRandom } from '@forewarn/protocols/fuzz'
import { writeHj212 } from '@forewarn/protocols/hj212/frame'
import { repairSl651 } from '@forewarn/protocols/sl651/repair'
import { handClock } from '@forewarn/runtime/clock'
import { expect, test } from 'vitest'
import { type StartedSource, startSource } from './source-fixture.ts'

const nowMs = Date.UTC(2014, 11, 5, 3, 0, 2)

const sl651 = {
  profile: `
source: sl651
gateway: gw-1
listen: { port: 0 }
stations:
  - station: "0012345678"
    sensors:
      - { read: Z, sensor: a }
      - { read: PT, as: rain, sensor: b }
      - { read: F5, sensor: c }
      - { read: ZT.10, sensor: d }
`,
  frames: [
    '7E7E02001234567804D232002B020012141205110002F1F1001234567848F0F014120511002019000100261900010039230001442038121220039FE1',
    '7E7E100012345678123434003A020003140612020000F1F1001234567848F0F01406120200F55C0AAA0AAAFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF391A0027303812129003ADF7',
    '7E7E01001234567812342F0008020003591011155111036BCA',
  ].map(hex => Buffer.from(hex, 'hex')),
  repair: repairSl651,
}

const hj212 = {
  profile: `
source: hj212
gateway: gw-1
listen: { port: 0 }
devices:
  - { mn: "A1", sensors: [{ factor: LA, sensor: a }, { factor: a34004, sensor: b }] }
`,
  frames: ['LA-Rtd=52.1,LA-Flag=N;a34004-Rtd=12,a34004-Flag=D', 'LA-Rtd=0,LA-Flag=B'].map(factors =>
    writeHj212(
      `QN=20141205110000000;ST=22;CN=2011;PW=1;MN=A1;Flag=5;CP=&&DataTime=20141205110000;${factors}&&`,
      'annex-a',
    ),
  ),
  repair: (bytes: Uint8Array) => writeHj212(Buffer.from(bytes.subarray(6, -6)).toString().slice(0, 9000), 'annex-a'),
}

/** The last frame is whole, and what stands before it must not keep it from being read and answered. */
async function survives(started: StartedSource, damaged: readonly Uint8Array[], whole: Uint8Array): Promise<void> {
  const device = await started.device()
  for (const bytes of damaged) device.send(bytes)
  device.send(whole)
  const spoken = started.taken.length
  device.send(whole)
  await Promise.race([device.closed, started.until(() => started.taken.length > spoken)])
  device.close()
  await device.closed
}

test.each([
  ['sl651', sl651],
  ['hj212', hj212],
])(
  '%s: damaged frames become no readings that are not numbers, and the source goes on',
  async (name, { profile, frames, repair }) => {
    await using started = await startSource(profile, { clock: handClock(nowMs) })
    const random = seededRandom(`${name} source`)
    const seeds = frames.map(bytes => ({ bytes }))
    const connections = Math.ceil(Math.min(fuzzCases(), 20_000) / 100)
    for (let connection = 0; connection < connections; connection++) {
      const damaged = Array.from({ length: 20 }, () => damagedFrame(seeds, random, repair).bytes ?? new Uint8Array())
      await survives(started, damaged, frames[0] ?? new Uint8Array())
    }
    expect(started.taken.length).toBeGreaterThan(connections)
    for (const { value, timeMs, quality } of started.taken) {
      expect(Number.isFinite(value) || quality === 'missing').toBe(true)
      expect(Number.isSafeInteger(timeMs)).toBe(true)
    }
    expect(started.refused.length).toBeGreaterThan(0)
    expect(started.source.status().state).toBe('running')
  },
)
