import { once } from 'node:events'
import { District } from '@forewarn/contracts/district'
import { Command } from '@forewarn/contracts/gateway-messages'
import type { Warning } from '@forewarn/contracts/warning'
import { type HandClock, handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { connectAsync } from 'mqtt'
import { expect, test } from 'vitest'
import { openRadio } from './radio.ts'
import { openSampling, type SampleCommand, sensorsOfPlaces, wantedSampling } from './sampling.ts'
import { startMs, startTestBroker } from './test-house.ts'

const text = { zh: 'x', en: 'x' }
const position = { lon: 121.45, lat: 31.23, crs: 'WGS-84' as const }

function sensor(id: string, gateway: string, more: object) {
  return { id, gateway, quantity: 'water_depth', position, periodS: 60, ...more }
}

const district = District.parse({
  id: 'jingan',
  name: text,
  timeZone: 'Asia/Shanghai',
  gateways: [{ id: 'gw-1', kind: 'field' }],
  sensors: [
    sensor('depth-1', 'gw-1', { place: 'west' }),
    sensor('depth-2', 'gw-2', { place: 'west' }),
    sensor('quick-1', 'gw-1', { place: 'west', periodS: 5 }),
    sensor('river-1', 'gw-3', { quantity: 'river_level', catchment: 'c1' }),
    sensor('river-2', 'gw-3', { quantity: 'river_level', catchment: 'c2' }),
    sensor('rain-1', 'gw-3', { quantity: 'rain', catchment: 'c1' }),
    sensor('depth-9', 'gw-1', { place: 'east' }),
  ],
  places: [
    { id: 'west', kind: 'underpass', name: text, position, catchment: 'c1' },
    { id: 'east', kind: 'underpass', name: text, position, catchment: 'c2' },
  ],
  units: [],
})

type Open = Pick<Warning, 'placeId' | 'level' | 'mode' | 'clearedAtMs'>
const orange: Open = { placeId: 'west', level: 'orange', mode: 'actual' }

function wanted(warnings: readonly Open[], house: Warning['mode'] = 'actual') {
  const entries = [...wantedSampling(sensorsOfPlaces(district), warnings, house)]
  return Object.fromEntries(entries.map(([gateway, sensors]) => [gateway, Object.fromEntries(sensors)]))
}

test('the sensors of the place and the gauges of its catchment are wanted faster, unless they are fast already', () => {
  expect(wanted([orange])).toEqual({ 'gw-1': { 'depth-1': 5 }, 'gw-2': { 'depth-2': 5 }, 'gw-3': { 'river-1': 5 } })
})

test('a rain gauge keeps its pace: what it tells is the rain since it last spoke', () => {
  expect(wanted([orange])['gw-3']).not.toHaveProperty('rain-1')
})

test('the most urgent of several warnings counts; one that is over, unknown or a drill asks for nothing', () => {
  expect(
    wanted([
      { ...orange, level: 'blue' },
      { ...orange, level: 'yellow' },
    ])['gw-1'],
  ).toEqual({ 'depth-1': 10 })
  expect(wanted([{ ...orange, clearedAtMs: 1 }])).toEqual({})
  expect(wanted([{ ...orange, level: 'unknown' }])).toEqual({})
  expect(wanted([{ ...orange, mode: 'exercise' }])).toEqual({})
  expect(wanted([{ ...orange, mode: 'exercise' }], 'exercise')['gw-1']).toEqual({ 'depth-1': 5 })
})

/** A broker, the radio of `alerts` on it, and a listener in the place of all gateways. */
async function onTheAir(clock: HandClock, warnings: Open[]) {
  const broker = await startTestBroker()
  const listener = await connectAsync(broker.url)
  const heard: { gateway: string; command: SampleCommand }[] = []
  const arrived = new EventTarget()
  listener.on('message', (topic, payload) => {
    const command = Command.parse(JSON.parse(payload.toString()))
    if (command.kind === 'sample') heard.push({ gateway: topic.split('/')[3] ?? '', command })
    arrived.dispatchEvent(new Event('command'))
  })
  await listener.subscribeAsync('fw/1/jingan/+/command', { qos: 1 })
  const log = silentLog()
  const radio = await openRadio({
    ...{ districtId: 'jingan', gatewayOf: new Map(), onProgress: async () => {}, log },
    broker: { url: broker.url, username: 'dispatcher', password: 'p' },
  })
  const sampling = openSampling({
    ...{ district, mode: 'actual', clock, log },
    openWarnings: async () => warnings,
    send: radio.command,
  })
  return {
    sampling,
    async heard(count: number) {
      while (heard.length < count) await once(arrived, 'command')
      return heard.slice(0, count).sort((a, b) => a.gateway.localeCompare(b.gateway))
    },
    said: () => heard.length,
    async [Symbol.asyncDispose]() {
      await sampling.stop()
      await radio.stop()
      await listener.endAsync(true)
      await broker.stop()
    },
  }
}

test('gateways are asked when a warning opens, again while it stands, and told when it is over', async () => {
  const clock = handClock(startMs)
  const warnings = [orange]
  await using air = await onTheAir(clock, warnings)
  const asked = await air.heard(3)
  expect(asked.map(({ gateway }) => gateway)).toEqual(['gw-1', 'gw-2', 'gw-3'])
  expect(asked[0]?.command).toMatchObject({ sensors: ['depth-1'], periodS: 5, untilMs: startMs + 15 * 60_000 })
  // Nothing new is nothing to say.
  clock.advance(4 * 60_000)
  await new Promise(setImmediate)
  expect(air.said()).toBe(3)
  clock.advance(60_000)
  const repeated = (await air.heard(6)).filter(({ gateway }) => gateway === 'gw-1')
  expect(repeated[1]?.command.untilMs).toBe(startMs + 20 * 60_000)
  warnings.length = 0
  air.sampling.wake()
  const last = (await air.heard(9)).filter(({ gateway }) => gateway === 'gw-1')[2]
  expect(last?.command).toMatchObject({ sensors: ['depth-1'], periodS: null })
})

test('a warning that rises asks for more at once', async () => {
  const clock = handClock(startMs)
  const warnings: Open[] = [{ ...orange, level: 'blue' }]
  await using air = await onTheAir(clock, warnings)
  expect((await air.heard(3))[0]?.command.periodS).toBe(30)
  warnings[0] = orange
  air.sampling.wake()
  expect((await air.heard(6)).map(({ command }) => command.periodS).sort()).toEqual([30, 30, 30, 5, 5, 5])
})
