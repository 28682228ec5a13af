import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SenmlReading } from '@forewarn/contracts/senml'
import mqtt from 'mqtt'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { connectGateway, publish, readingsTopic, stream } from './gateway.ts'
import { type HouseProcess, type HouseProcessOptions, startHouseProcess } from './house-process.ts'
import { depthOf, floodRule, smallDistrict, writeSmallHouse } from './small-district.ts'
import { waitFor } from './wait-for.ts'

vi.setConfig({ testTimeout: 120_000 })

const roadsFrom = (first: number, count: number) => Array.from({ length: count }, (_, index) => `road-${first + index}`)
const killed = { gateway: 'gw-killed', roads: roadsFrom(1, 10) }
const stopped = { gateway: 'gw-stopped', roads: roadsFrom(11, 10) }
const odd = { gateway: 'gw-odd', roads: roadsFrom(21, 5) }
const topic = readingsTopic(odd.gateway)

let dir: string
let options: HouseProcessOptions
let house: HouseProcess

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forewarn-kept-'))
  const roads = Object.fromEntries([killed, stopped, odd].map(({ gateway, roads }) => [gateway, roads]))
  const district = smallDistrict({ roads, periodS: 86_400 })
  options = { dataDir: join(dir, 'data'), ...(await writeSmallHouse(dir, { district, rules: { flood: floodRule } })) }
  house = await startHouseProcess(options)
})
afterAll(async () => {
  await house?.kill()
  await rm(dir, { recursive: true, force: true })
})

/** One value of one road, measured `agoS` before now; the time is whole seconds. */
function reading(road: string, { value, agoS = 0 }: { value: number; agoS?: number }): SenmlReading {
  return { name: depthOf(road), timeMs: (Math.floor(Date.now() / 1000) - agoS) * 1000, value }
}

function stored(road: string, { timeMs, value }: SenmlReading) {
  return waitFor(`${road} at ${timeMs}`, async () =>
    (await house.series(depthOf(road))).values.get(timeMs) === value ? true : undefined,
  )
}

test('a stranger, a wrong password and a borrowed name are refused at the door', async () => {
  const knock = (username: string, password: string, clientId = username) =>
    mqtt.connectAsync(house.mqttUrl, { username, password, clientId, reconnectPeriod: 0 })
  await expect(knock('gw-nobody', house.passwordOf(odd.gateway))).rejects.toThrow(/refused/)
  await expect(knock(odd.gateway, 'a guess')).rejects.toThrow(/refused/)
  await expect(knock(odd.gateway, house.passwordOf(odd.gateway), killed.gateway)).rejects.toThrow(/refused/)
})

test('what a gateway says on a foreign topic is acknowledged and kept aside; its connection stays, and the rest counts', async () => {
  const client = await connectGateway(house, odd.gateway)
  let closes = 0
  client.on('close', () => closes++)
  const said = reading('road-1', { value: 0.11 })
  await publish(client, { topic: readingsTopic(killed.gateway), payload: [said] })
  await publish(client, { topic: 'somewhere/lamp', payload: 'on' })
  const own = reading('road-21', { value: 0.12 })
  await publish(client, { topic, payload: [own] })
  await stored('road-21', own)
  expect(closes).toBe(0)
  const { counts, newest } = await house.quarantine()
  expect(counts).toMatchObject({ 'foreign-topic': 1, 'unknown-topic': 1 })
  const foreign = newest.find(({ reason }) => reason === 'foreign-topic')
  expect(foreign).toMatchObject({ gateway: odd.gateway, topic: readingsTopic(killed.gateway), kept: false })
  expect(foreign?.original).toContain(depthOf('road-1'))
  expect((await house.series(depthOf('road-1'))).points).toBe(0)
  await client.endAsync(true)
})

test('what is no reading stands in the quarantine with its reason and its original, and the batch around it counts', async () => {
  const client = await connectGateway(house, odd.gateway)
  const sound = reading('road-22', { value: 0.21, agoS: 30 })
  await publish(client, { topic, payload: 'water everywhere' })
  await publish(client, {
    topic,
    payload: [sound, { ...sound, name: 'road-99.depth' }, reading('road-23', { value: 97 })],
  })
  const yesterday = reading('road-24', { value: 0.24, agoS: 27 * 3600 })
  await publish(client, { topic, payload: [yesterday] })
  await stored('road-22', sound)
  const { counts, newest } = await house.quarantine()
  expect(counts).toMatchObject({ 'not-senml': 1, 'unknown-sensor': 1, 'out-of-bounds': 1, 'clock-skewed': 1 })
  const original = (wanted: string) => newest.find(({ reason }) => reason === wanted)?.original
  expect(original('not-senml')).toBe('water everywhere')
  expect(original('unknown-sensor')).toContain('road-99.depth')
  expect(original('out-of-bounds')).toContain('97')
  expect(original('clock-skewed')).toContain('road-24')
  expect((await house.series(depthOf('road-23'))).points).toBe(0)
  // A clock that is off is no reason to lose the water: it counts at the time it arrived.
  const late = await waitFor('the reading with the wrong clock', async () => {
    const [point] = (await house.series(depthOf('road-24'))).values
    return point
  })
  expect(late[0]).toBeGreaterThan(yesterday.timeMs + 26 * 3_600_000)
  expect(late[1]).toBe(0.24)
  await client.endAsync(true)
})

/** Batches by number: each has one reading of every road, 15 s after the one before, all within the last 100 minutes. */
function batchesOf(roads: readonly string[], count: number): Map<number, SenmlReading[]> {
  const firstMs = (Math.floor(Date.now() / 1000) - 6000) * 1000
  return new Map(
    Array.from({ length: count }, (_, batch) => [
      batch,
      roads.map((road, index) => ({
        name: depthOf(road),
        timeMs: firstMs + batch * 15_000,
        value: ((batch * 7 + index) % 100) / 1000,
      })),
    ]),
  )
}

/** Streams what is left until `enough` are acknowledged and `deed` has ended the house. Takes off what was acknowledged. */
async function streamUntil(
  { gateway, left }: { gateway: string; left: Map<number, SenmlReading[]> },
  { enough, deed }: { enough: number; deed: () => void },
): Promise<SenmlReading[]> {
  const client = await connectGateway(house, gateway)
  const acknowledged: SenmlReading[] = []
  let count = 0
  await stream(client, {
    topic: readingsTopic(gateway),
    batches: new Map(left),
    onAcknowledged: batch => {
      acknowledged.push(...(left.get(batch) ?? []))
      left.delete(batch)
      count += 1
      if (count === enough) deed()
    },
  })
  return acknowledged
}

/** Waits until all these are stored, and says what else stands there, or stands there otherwise. */
async function storedOnce(roads: readonly string[], said: readonly SenmlReading[]): Promise<void> {
  for (const road of roads) {
    const expected = new Map(
      said.filter(({ name }) => name === depthOf(road)).map(({ timeMs, value }) => [timeMs, value]),
    )
    const { points, values } = await waitFor(`${expected.size} readings of ${road}`, async () => {
      const series = await house.series(depthOf(road))
      return [...expected.keys()].every(timeMs => series.values.has(timeMs)) ? series : undefined
    })
    // Fewer values than points would be one time that stands there twice.
    expect(values.size).toBe(points)
    for (const [timeMs, value] of expected) expect(values.get(timeMs)).toBe(value)
  }
}

test('killed three times in mid-stream, the house has every acknowledged reading, once', async () => {
  const left = batchesOf(killed.roads, 400)
  const all = [...left.values()].flat()
  for (const enough of [50, 80, 60]) {
    let gone: Promise<void> | undefined
    await streamUntil({ ...killed, left }, { enough, deed: () => (gone = house.kill()) })
    await gone
    house = await startHouseProcess(options)
  }
  expect(left.size).toBeGreaterThan(0)
  // What was never acknowledged comes again, as a gateway would send it; what was is not said twice.
  await streamUntil({ ...killed, left }, { enough: Number.POSITIVE_INFINITY, deed: () => {} })
  expect(left.size).toBe(0)
  await storedOnce(killed.roads, all)
  for (const road of killed.roads) expect((await house.series(depthOf(road))).points).toBe(400)
})

test('told to stop in mid-stream, the house is gone within five seconds and has lost nothing it had acknowledged', async () => {
  const left = batchesOf(stopped.roads, 400)
  let leaving: ReturnType<HouseProcess['terminate']> | undefined
  const acknowledged = await streamUntil(
    { ...stopped, left },
    { enough: 60, deed: () => (leaving = house.terminate()) },
  )
  const { code, tookMs } = (await leaving) ?? {}
  expect(code).toBe(0)
  expect(tookMs).toBeLessThan(5000)
  expect(left.size).toBeGreaterThan(0)
  house = await startHouseProcess(options)
  await storedOnce(stopped.roads, acknowledged)
})
