import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Warning } from '@forewarn/contracts/warning'
import { plainDrillSettings } from '@forewarn/deploy/drill-settings'
import { startDrill } from '@forewarn/deploy/play'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { type CuttableLink, cuttableLink } from './cuttable-link.ts'
import { connectGateway, publish, readingsTopic } from './gateway.ts'
import { type HouseProcess, type HouseProcessOptions, startHouseProcess } from './house-process.ts'
import { depthOf, floodRule, smallDistrict, writeSmallHouse } from './small-district.ts'
import { waitFor } from './wait-for.ts'
import { writtenStorm } from './written-storm.ts'

vi.setConfig({ testTimeout: 120_000 })

const gateway = 'gw-roads'
const flooded = 0.2

let dir: string
let options: HouseProcessOptions
let house: HouseProcess

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forewarn-warned-'))
  const roads = { [gateway]: ['before-1', 'before-2', 'during-1', 'during-2', 'after-1'] }
  const district = smallDistrict({ roads, periodS: 86_400 })
  const broken = floodRule.replace('rule: flood', 'rule: broken').replace('value >=', 'wetness >=')
  const rules = { flood: floodRule, broken }
  options = { dataDir: join(dir, 'data'), ...(await writeSmallHouse(dir, { district, rules })) }
  house = await startHouseProcess(options)
})
afterAll(async () => {
  await house?.kill()
  await rm(dir, { recursive: true, force: true })
})

async function say(roads: readonly string[], value: number): Promise<void> {
  const client = await connectGateway(house, gateway)
  const timeMs = Math.floor(Date.now() / 1000) * 1000
  await publish(client, {
    topic: readingsTopic(gateway),
    payload: roads.map(road => ({ name: depthOf(road), timeMs, value })),
  })
  await client.endAsync(true)
}

async function warningsOf(roads: readonly string[]) {
  const { warnings } = await house.snapshot()
  return warnings.filter(({ placeId }) => roads.includes(placeId))
}

const Line = z.object({ msg: z.string(), warning: z.string().optional(), role: z.string().optional() })

/** How often the duty officer was rung, by warning. */
async function rings(): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  const text = await readFile(join(options.dataDir, 'logs', 'forewarn.log'), 'utf8')
  for (const line of text.trimEnd().split('\n')) {
    const { msg, warning = '', role } = Line.parse(JSON.parse(line))
    if (msg === 'officer-rung' && role === 'duty-officer') counts.set(warning, (counts.get(warning) ?? 0) + 1)
  }
  return counts
}

test('a rule that cannot be used is marked failed, and the others go on', async () => {
  const failed = (await house.health()).filter(line => line.includes(': failed'))
  expect(failed).toHaveLength(1)
  expect(failed[0]).toMatch(/^rules rule-file .*broken\.yaml: failed line 6/)
  await say(['after-1'], 0.01)
  await waitFor('a road that is seen dry', async () =>
    (await house.snapshot()).conditions.find(({ placeId, condition }) => placeId === 'after-1' && condition === 'none'),
  )
})

test('an uplink that dies leaves its roads unknown, which is an operator’s warning and no all-clear, until it is back', async () => {
  let link: CuttableLink | undefined
  const uplinkThrough = async (port: number) => (link = await cuttableLink(port)).port
  const wet = [0.01, 0.01, 0.01, flooded]
  const recording = writtenStorm({ minutes: 120, levelsM: { dry: [0.01], wet } })
  const settings = { ...plainDrillSettings(), rulesDir: options.rulesDir }
  await using drill = await startDrill({ recording, speed: 240, settings, uplinkThrough })
  const warningAt = (place: string, what: string, isSo: (warning: Warning) => boolean = () => true) =>
    waitFor(`${place}: ${what}`, async () =>
      (await drill.alerts.snapshot()).warnings.find(warning => warning.placeId === place && isSo(warning)),
    )
  await warningAt('wet', 'raised')
  link?.cut()
  const blind = await warningAt('dry', 'unknown')
  expect(blind).toMatchObject({ level: 'unknown', state: 'active-unacknowledged', orders: [] })
  // What is known to be wrong stays so: silence is no all-clear.
  const wetStill = await warningAt('wet', 'blind', ({ timeline }) => timeline.some(({ event }) => event === 'blind'))
  expect(wetStill).toMatchObject({ level: 'yellow', state: 'active-unacknowledged' })
  link?.restore()
  await warningAt('dry', 'seen again', ({ clearedAtMs }) => clearedAtMs !== undefined)
  expect((await warningAt('wet', 'as it stands')).clearedAtMs).toBeUndefined()
  await link?.[Symbol.asyncDispose]()
})

test('killed twice in a storm, the house has one warning a place, raised once and with one order, and rings nobody again', async () => {
  const before = ['before-1', 'before-2']
  await say(before, flooded)
  const first = await waitFor('two warnings with their trucks', async () => {
    const warnings = await warningsOf(before)
    return warnings.filter(({ orders }) => orders.length === 1).length === 2 ? warnings : undefined
  })
  await waitFor('both rung', async () => ((await rings()).size === 2 ? true : undefined))
  // A ring is noted as done right after it: once the health of all parts has been asked, that is on disk too.
  for (let time = 0; time < 3; time++) await house.health()

  // Killed right behind the PUBACK: whatever rules and alerts had begun is cut off anywhere.
  const during = ['during-1', 'during-2']
  await say(during, flooded)
  await house.kill()
  house = await startHouseProcess(options)
  await waitFor('the warnings of what was acknowledged', async () =>
    (await warningsOf(during)).length === 2 ? true : undefined,
  )
  await house.kill()
  house = await startHouseProcess(options)
  await say([...before, ...during, 'after-1'], flooded)
  await waitFor('the warning after the crashes', async () => (await warningsOf(['after-1']))[0])

  const places = [...before, ...during, 'after-1']
  const warnings = await warningsOf(places)
  expect(warnings.map(({ placeId }) => placeId).sort()).toEqual(places.sort())
  for (const { timeline } of warnings) expect(timeline.filter(({ event }) => event === 'raised')).toHaveLength(1)
  for (const { id, placeId, orders, raisedAtMs } of first)
    expect(warnings.find(one => one.placeId === placeId)).toMatchObject({
      id,
      raisedAtMs,
      orders: [{ id: orders[0]?.id }],
    })
  // Two trucks: nobody is sent twice, and the places after them wait for one.
  const units = warnings.flatMap(({ orders }) => orders.map(({ unitId }) => unitId))
  expect(units.sort()).toEqual(['truck-1', 'truck-2'])
  // A repeated ring beats a silent one: those that the crash cut off are rung too, and may be rung again.
  const rung = await waitFor('everyone to be rung', async () => {
    const counts = await rings()
    return counts.size === places.length ? counts : undefined
  })
  for (const { id } of first) expect(rung.get(id)).toBe(1)
})
