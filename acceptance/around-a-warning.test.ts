import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, type LocalAlarm } from '@forewarn/contracts/gateway-messages'
import { type Channel, topicOf } from '@forewarn/contracts/topics'
import type { MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { connectGateway, publish, readingsTopic } from './gateway.ts'
import { type HouseProcess, type HouseProcessOptions, startHouseProcess } from './house-process.ts'
import { depthOf, floodRule, smallDistrict, writeSmallHouse } from './small-district.ts'
import { waitFor } from './wait-for.ts'

vi.setConfig({ testTimeout: 120_000 })

const gateway = 'gw-roads'

let dir: string
let options: HouseProcessOptions
let house: HouseProcess

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forewarn-around-'))
  const district = smallDistrict({ roads: { [gateway]: ['asked', 'alarmed'] }, periodS: 86_400 })
  options = { dataDir: join(dir, 'data'), ...(await writeSmallHouse(dir, { district, rules: { flood: floodRule } })) }
  house = await startHouseProcess(options)
})
afterAll(async () => {
  await house?.kill()
  await rm(dir, { recursive: true, force: true })
})

function topic(channel: Channel): string {
  return topicOf({ district: 'small', gateway, channel })
}

async function flood(client: MqttClient, road: string, timeMs: number): Promise<void> {
  await publish(client, { topic: readingsTopic(gateway), payload: [{ name: depthOf(road), timeMs, value: 0.3 }] })
}

test('a gateway hears the house’s time after its status, and is asked to measure faster where a warning stands', async () => {
  const client = await connectGateway(house, gateway)
  const heard: Command[] = []
  client.on('message', (_topic, payload) => heard.push(Command.parse(JSON.parse(payload.toString()))))
  await client.subscribeAsync(topic('command'), { qos: 1 })
  const atMs = Date.now()
  await client.publishAsync(topic('status'), JSON.stringify({ state: 'online', atMs }), { qos: 1 })
  const time = await waitFor('the time', async () => heard.find(({ kind }) => kind === 'time'))
  expect(time.id).toBe(String(atMs))
  await flood(client, 'asked', Math.floor(atMs / 1000) * 1000)
  const sample = await waitFor('the wish', async () => heard.find(({ kind }) => kind === 'sample'))
  expect(sample).toMatchObject({ sensors: [depthOf('asked')], periodS: expect.any(Number) })
  await client.endAsync(true)
})

test('a local alarm that was acknowledged is shown in its warning, once, though the house was killed behind the PUBACK', async () => {
  const client = await connectGateway(house, gateway)
  const raisedAtMs = Math.floor(Date.now() / 1000) * 1000
  const alarm: LocalAlarm = {
    ...{ id: 'a1', rule: 'siren', place: 'alarmed', hazard: 'waterlogging', sensor: depthOf('alarmed') },
    ...{ value: 0.3, raisedAtMs, outputs: ['siren'] },
  }
  await client.publishAsync(topic('alarm'), JSON.stringify(alarm), { qos: 1 })
  await house.kill()
  house = await startHouseProcess(options)
  const again = await connectGateway(house, gateway)
  await again.publishAsync(topic('alarm'), JSON.stringify(alarm), { qos: 1 })
  await flood(again, 'alarmed', raisedAtMs)
  const shown = await waitFor('the alarm in the warning', async () => {
    const { warnings } = await house.snapshot()
    const warning = warnings.find(({ placeId }) => placeId === 'alarmed')
    return warning?.timeline.some(({ event }) => event === 'local-alarm') ? warning : undefined
  })
  expect(shown.timeline.filter(({ event }) => event === 'local-alarm')).toMatchObject([
    { by: 'machine', detail: { en: expect.stringContaining('siren') } },
  ])
  await again.endAsync(true)
})
