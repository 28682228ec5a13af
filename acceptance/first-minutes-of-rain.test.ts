import type { Drill } from '@forewarn/deploy/play'
import type { Recording } from '@forewarn/simulators/recording'
import { expect, test, vi } from 'vitest'
import { type CuttableLink, cuttableLink } from './cuttable-link.ts'
import { signIn } from './drill.ts'
import { distinctReadings, drillOf, onsetsOf, stretchOf } from './storm.ts'
import { waitFor } from './wait-for.ts'

const floodedM = 0.15

// A storm takes its time, also on a machine that does other things.
vi.setConfig({ testTimeout: 180_000 })

function everyReadingStored({ house }: Drill, recording: Recording): Promise<true> {
  const expected = distinctReadings(recording)
  return waitFor(`${expected} readings stored`, async () =>
    (await house.store.count()) === expected ? true : undefined,
  )
}

test('a severe storm: a truck stands at the road before it floods, an officer acknowledges, and the warning is a hit', async () => {
  const { recording, fromMs } = await stretchOf('flat5p-d-056', { fromMin: 30, toMin: 85 })
  await using drill = await drillOf({ recording, fromMs, speed: 240 })
  const officer = await signIn({ consoleUrl: drill.house.consoleUrl, ...drill.house.officer })

  // A warning that changed between look and key is looked at again, as an officer would.
  const acknowledged = await waitFor('an acknowledged warning', async () => {
    const open = (await officer.warnings()).find(({ state }) => state === 'active-unacknowledged')
    const answer = open === undefined ? undefined : await officer.acknowledge(open)
    return answer?.result === 'taken' ? answer.warning : undefined
  })
  expect(acknowledged).toMatchObject({ state: 'active-acknowledged', acknowledgedBy: drill.house.officer.name })

  await drill.played
  const onsets = onsetsOf(recording, floodedM)
  expect(onsets.size).toBeGreaterThan(0)
  const inTime = await waitFor('a hit with a truck staged before the onset', async () =>
    (await officer.warnings()).find(
      ({ placeId, outcome, orders, raisedAtMs }) =>
        outcome?.outcome === 'hit' &&
        raisedAtMs < (onsets.get(placeId) ?? 0) &&
        orders.some(({ stagedAtMs }) => stagedAtMs !== undefined && stagedAtMs < (onsets.get(placeId) ?? 0)),
    ),
  )
  expect(inTime.mode).toBe('replay')
  expect(inTime.outcome?.leadMin).toBeGreaterThan(1)
  expect(inTime.outcome?.leadMin).toBeCloseTo(((onsets.get(inTime.placeId) ?? 0) - inTime.raisedAtMs) / 60_000, 0)
  const ordered = inTime.timeline.find(({ event }) => event === 'unit-ordered')
  expect(ordered?.by).toBe('machine')

  await everyReadingStored(drill, recording)
  expect((await drill.alerts.score()).counts.hit).toBeGreaterThan(0)
})

test('a drizzle: every reading is stored and nobody is woken', async () => {
  const { recording, fromMs } = await stretchOf('steep-d-044', { fromMin: 60, toMin: 110 })
  await using drill = await drillOf({ recording, fromMs, speed: 240 })
  await drill.played
  await everyReadingStored(drill, recording)
  expect((await drill.alerts.snapshot()).warnings).toEqual([])
})

test('the uplink is cut for ten minutes: nothing is lost, and nothing is there twice', async () => {
  const { recording, fromMs } = await stretchOf('flat5p-d-010', { fromMin: 20, toMin: 60 })
  let link: CuttableLink | undefined
  const uplinkThrough = async (port: number) => (link = await cuttableLink(port)).port
  await using drill = await drillOf({ recording, fromMs, speed: 240, uplinkThrough })
  await waitFor('the first readings', async () => ((await drill.house.store.count()) > 0 ? true : undefined))
  link?.cut()
  const cutAtMs = drill.clock.nowMs()
  await waitFor('ten minutes of house time', () => drill.clock.nowMs() > cutAtMs + 600_000 || undefined)
  const storedWhileCut = await drill.house.store.count()
  link?.restore()
  await drill.played
  await everyReadingStored(drill, recording)
  expect(storedWhileCut).toBeLessThan(distinctReadings(recording))
  await link?.[Symbol.asyncDispose]()
})

test('a gauge falls silent: its places are unknown, never all clear', async () => {
  const { recording, fromMs } = await stretchOf('flat5p-d-010', { fromMin: 0, toMin: 60 })
  const silentSite = 'flat5p-03'
  const silentAtMs = recording.startMs + 20 * 60_000
  const messages = recording.messages.filter(
    ({ sensorId, measuredAtMs }) => sensorId !== `${silentSite}.level` || measuredAtMs < silentAtMs,
  )
  await using drill = await drillOf({ recording: { ...recording, messages }, fromMs, speed: 240 })
  const unknown = await waitFor('an unknown place', async () =>
    (await drill.alerts.snapshot()).warnings.find(({ placeId }) => placeId === silentSite),
  )
  expect(unknown.level).toBe('unknown')
  await drill.played
  const after = (await drill.alerts.snapshot()).warnings.find(({ id }) => id === unknown.id)
  expect(after?.state).toBe('active-unacknowledged')
  expect(after?.clearedAtMs).toBeUndefined()
})
