import { GatewayReport } from '@forewarn/contracts/gateway-state'
import { qualityFlag } from '@forewarn/contracts/reading'
import { expect, test } from 'vitest'
import { type OpenIngest, openIngest, startMs } from './open-ingest.ts'

const hourMs = 3_600_000
const readings = 'fw/1/jingan/gw-1/readings'
const depthAt = (timeMs: number, v = 0.3) => [{ n: 'depth-1', t: timeMs / 1000, v }]

async function gateway(house: OpenIngest, id = 'gw-1') {
  const { gateways } = GatewayReport.parse(await (await house.ask('/gateways')).json())
  return gateways.find(one => one.id === id)
}

async function clockCheck(house: OpenIngest): Promise<string> {
  const { checks } = await house.health()
  const check = checks.find(({ name }) => name === 'gateway-clocks')
  return `${check?.status}: ${check?.detail}`
}

test.each([
  ['27 hours behind', -27 * hourMs],
  ['27 hours ahead', 27 * hourMs],
  ['back in 2014', Date.UTC(2014, 0, 1) - startMs],
  ['in 2059', Date.UTC(2059, 0, 1) - startMs],
  ['at the beginning of time', 2 ** 28 * 1000 - startMs],
])('a clock %s is noticed with its first message, shown, and its readings count when they arrive', async (_, offMs) => {
  const hours = Math.round(offMs / 360_000) / 10
  await using house = await openIngest()
  await house.say(readings, depthAt(startMs + offMs, 0.5))
  expect(await house.rows()).toEqual([
    {
      sensor: 'depth-1',
      value: 0.5,
      measuredAtMs: startMs,
      receivedAtMs: startMs,
      quality: qualityFlag.clockReplaced,
    },
  ])
  expect(await gateway(house)).toMatchObject({ wrongClock: { offsetHours: hours, sinceMs: startMs, sensors: 1 } })
  expect(await gateway(house, 'gw-2')).not.toHaveProperty('wrongClock')
  expect(await clockCheck(house)).toContain(
    `warning: 1 wrong: gw-1 ${Math.abs(hours)} h ${hours < 0 ? 'behind' : 'ahead'} since 2026-07-20T15:00Z`,
  )
  expect((await house.health()).figures).toMatchObject({
    gatewaysWithWrongClock: 1,
    'clockOffsetHours.gw-1': hours,
    'clockWrongSinceMs.gw-1': startMs,
  })
})

test('a clock that was mended is noticed too, once every sensor that was off has its time right', async () => {
  await using house = await openIngest()
  const both = (timeMs: number) => [...depthAt(timeMs), { n: 'gauge-1', t: timeMs / 1000, v: 0 }]
  await house.say(readings, both(startMs - 27 * hourMs))
  house.clock.advance(60_000)
  await house.say(readings, depthAt(house.clock.nowMs() - 1000))
  expect(await gateway(house)).toMatchObject({ wrongClock: { sensors: 1 } })
  house.clock.advance(60_000)
  await house.say(readings, both(house.clock.nowMs() - 1000))
  expect(await gateway(house)).toMatchObject({ clockMendedAtMs: startMs + 120_000 })
  expect(await gateway(house)).not.toHaveProperty('wrongClock')
  expect(await clockCheck(house)).toMatch(/^ok/)
})

test('readings without a time of their own prove nothing about a clock', async () => {
  await using house = await openIngest()
  await house.say(readings, depthAt(startMs - 27 * hourMs))
  house.clock.advance(60_000)
  await house.say(readings, [{ n: 'depth-1', v: 0.3 }])
  expect(await gateway(house)).toHaveProperty('wrongClock')
})

test('under a wrong clock a repeat is still the same reading, and readings keep their distances', async () => {
  await using house = await openIngest()
  const off = (agoMs: number) => depthAt(startMs - 27 * hourMs - agoMs)
  await house.say(readings, off(0))
  house.clock.advance(2000)
  await house.say(readings, off(0))
  house.clock.advance(58_000)
  await house.say(readings, off(-60_000))
  house.clock.advance(1000)
  await house.say(readings, off(-50_000))
  const times = (await house.rows()).map(({ measuredAtMs }) => measuredAtMs - startMs)
  expect(times).toEqual([0, 0, 60_000, 50_000])
})

test('a wrong clock does not fill the quarantine: three messages, then one an hour for all that count', async () => {
  await using house = await openIngest()
  for (let minute = 0; minute < 150; minute++) {
    await house.say(readings, depthAt(house.clock.nowMs() - 27 * hourMs))
    house.clock.advance(60_000)
  }
  const { counts, newest } = await house.quarantine()
  expect(newest).toHaveLength(5)
  expect(counts).toEqual({ 'clock-skewed': 123 })
  expect(await house.rows()).toHaveLength(150)
})

test('a gateway that knows how wrong its clock is gives the true time, also out of its outbox', async () => {
  await using house = await openIngest()
  await house.say('fw/1/jingan/gw-1/status', { state: 'online', clockOffsetMs: -100 * hourMs })
  await house.say(readings, [{ ...depthAt(startMs - 103 * hourMs)[0], fwbacklog: true }])
  expect(await house.rows()).toMatchObject([
    { measuredAtMs: startMs - 3 * hourMs, quality: qualityFlag.clockReplaced | qualityFlag.backlog },
  ])
})

test('what waited for a week in the outbox of a gateway whose clock is right keeps its time', async () => {
  await using house = await openIngest()
  await house.say('fw/1/jingan/gw-1/status', { state: 'online', clockOffsetMs: 40 })
  await house.say(readings, [{ ...depthAt(startMs - 168 * hourMs)[0], fwbacklog: true }])
  expect(await house.rows()).toMatchObject([{ measuredAtMs: startMs - 168 * hourMs, quality: qualityFlag.backlog }])
  expect(await gateway(house)).not.toHaveProperty('wrongClock')
})

test('late and shuffled readings keep their time, and what came twice is one row', async () => {
  await using house = await openIngest()
  const agesMs = [0, 5 * hourMs, 60_000, 25 * hourMs, 60_000, 0]
  for (const ageMs of agesMs) await house.say(readings, depthAt(startMs - ageMs))
  expect((await house.rows()).map(({ measuredAtMs, quality }) => [startMs - measuredAtMs, quality])).toEqual(
    agesMs.map(ageMs => [ageMs, 0]),
  )
  await house.store.holds(4)
  expect(house.store.rows.size).toBe(4)
})

test('a hundred readings of one sensor in one message with a wrong clock stay a hundred', async () => {
  await using house = await openIngest()
  const times = Array.from({ length: 100 }, (_, minute) => startMs - 30 * hourMs - minute * 60_000)
  await house.say(
    readings,
    times.flatMap(timeMs => depthAt(timeMs)),
  )
  house.clock.advance(1000)
  await house.say(readings, [...depthAt(Date.UTC(2014, 0, 1)), ...depthAt(Date.UTC(2059, 0, 1))])
  expect(new Set((await house.rows()).map(({ measuredAtMs }) => measuredAtMs)).size).toBe(102)
})
