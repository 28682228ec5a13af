import type { District } from '@forewarn/contracts/district'
import { GatewayReport } from '@forewarn/contracts/gateway-state'
import type { Quantity } from '@forewarn/contracts/quantity'
import { qualityFlag } from '@forewarn/contracts/reading'
import { bytesField, doubleField, varintField } from '@forewarn/protocols/protobuf'
import { parseSparkplugPayload } from '@forewarn/protocols/sparkplug/payload'
import { handClock } from '@forewarn/runtime/clock'
import { expect, test } from 'vitest'
import { type OpenIngest, openIngest, startMs } from '../open-ingest.ts'
import { testDistrict } from '../test-district.ts'

function sensor(id: string, quantity: Quantity, aliases: string[] = [], gateway = 'gw-1') {
  return { id, quantity, gateway, aliases, position: { lon: 121.45, lat: 31.23, crs: 'WGS-84' as const }, periodS: 60 }
}

const district: District = {
  ...testDistrict,
  sensors: [
    ...testDistrict.sensors,
    sensor('plaza-temperature', 'temperature', ['zigbee2mqtt/weather_sensor#temperature']),
    sensor('cover-7', 'pump_running', ['zigbee2mqtt/J1_cover#state']),
    sensor('cellar.humidity', 'humidity'),
    sensor('yard-3.DS18B20.Temperature', 'temperature'),
    sensor('road-depth', 'water_depth', ['chirpstack/24e124713c140001#depth_cm']),
    sensor('boiler', 'temperature', ['spBv1.0/plant/edge-1#Temperature']),
    sensor('press', 'temperature', ['spBv1.0/plant/edge-1/line-2#Temperature']),
    sensor('host-7.level', 'water_depth'),
    sensor('tank', 'water_depth', ['telegraf/tank,site=west#level']),
    sensor('far-temperature', 'temperature', ['zigbee2mqtt/far#temperature'], 'gw-2'),
  ],
}

const house = (atMs = startMs) => openIngest({ district, clock: handClock(atMs) })

async function only(open: OpenIngest) {
  return (await open.rows()).map(({ sensor: id, value, measuredAtMs, quality }) => [id, value, measuredAtMs, quality])
}

async function refusals(open: OpenIngest) {
  return (await open.quarantine()).newest.map(({ reason, detail }) => `${reason}: ${detail}`)
}

async function offline(open: OpenIngest) {
  const { gateways } = GatewayReport.parse(await (await open.ask('/gateways')).json())
  return gateways.find(({ id }) => id === 'gw-1')?.offlineDevices ?? []
}

test('Zigbee2MQTT: what a device says of sensors counts when it arrives, by alias or by id; the rest is passed over', async () => {
  await using open = await house()
  await open.say('zigbee2mqtt/weather_sensor', { temperature: -0.85, linkquality: 80, battery: 99 })
  await open.say('zigbee2mqtt/cellar', { humidity: 61.5 })
  await open.say('zigbee2mqtt/J1_cover', { position: 10, tilt: 20, state: 'OPEN' })
  // Only what changed, and nothing of it is a sensor: the device is known, so nobody has to look.
  await open.say('zigbee2mqtt/weather_sensor', { linkquality: 81 })
  await open.say('zigbee2mqtt/weather_sensor/set', { state: 'ON' })
  await open.say('zigbee2mqtt/bridge/state', { state: 'online' })
  expect(await only(open)).toEqual([
    ['plaza-temperature', -0.85, startMs, 0],
    ['cellar.humidity', 61.5, startMs, 0],
    ['cover-7', 1, startMs, 0],
  ])
  expect(await refusals(open)).toEqual([])
})

test('Zigbee2MQTT: availability is a sign of life, an empty payload clears it, and neither is a reading', async () => {
  await using open = await house()
  await open.say('zigbee2mqtt/bulb_color/availability', { state: 'offline' })
  await open.say('zigbee2mqtt/门厅/灯/availability', 'offline')
  expect(await offline(open)).toEqual(['zigbee2mqtt/bulb_color', 'zigbee2mqtt/门厅/灯'])
  await open.say('zigbee2mqtt/bulb_color/availability', { state: 'online' })
  await open.say('zigbee2mqtt/门厅/灯/availability', '')
  expect(await offline(open)).toEqual([])
  expect(await open.rows()).toEqual([])
  expect(await refusals(open)).toEqual([])
})

test('a device that nobody registered is kept aside with the aliases it would need', async () => {
  await using open = await house()
  await open.say('zigbee2mqtt/hall/lamp', { brightness: 3 })
  await open.say('zigbee2mqtt/hall/lamp', 'bright')
  expect(await refusals(open)).toEqual([
    'bad-payload: the state of a device is a JSON object',
    'unknown-sensor: no sensor of gw-1 has one of these as its alias: zigbee2mqtt/hall/lamp#brightness',
  ])
})

test('a gateway cannot speak for the devices of another one', async () => {
  await using open = await house()
  await open.say('zigbee2mqtt/far', { temperature: 20 })
  expect(await refusals(open)).toEqual(['wrong-gateway: sensor zigbee2mqtt/far#temperature belongs to gateway gw-2'])
  await open.say('zigbee2mqtt/far', { temperature: 20 }, 'gw-2')
  expect(await only(open)).toEqual([['far-temperature', 20, startMs, 0]])
})

test('a word that is no number is refused by name, and null says that the reading is missing', async () => {
  await using open = await house()
  await open.say('zigbee2mqtt/weather_sensor', { temperature: 'warm' })
  await open.say('zigbee2mqtt/weather_sensor', { temperature: null })
  await open.say('zigbee2mqtt/weather_sensor', { temperature: '21.5' })
  expect(await refusals(open)).toEqual(['not-finite: zigbee2mqtt/weather_sensor#temperature: NaN'])
  expect(await only(open)).toEqual([
    ['plaza-temperature', Number.NaN, startMs, 2],
    ['plaza-temperature', 21.5, startMs, 0],
  ])
})

test('Tasmota: a time near the arrival is the district’s local time; any other counts at the arrival and says so', async () => {
  await using open = await house()
  const say = (Time: string) =>
    open.say('tele/yard-3/SENSOR', { Time, DS18B20: { Id: '0', Temperature: 19.5 }, TempUnit: 'C' })
  await say('2026-07-20T22:59:38') // 14:59:38 UTC
  await say('2026-07-20T15:00:00')
  await say('1970-01-01T00:00:09')
  expect(await only(open)).toEqual([
    ['yard-3.DS18B20.Temperature', 19.5, startMs - 22_000, 0],
    ['yard-3.DS18B20.Temperature', 19.5, startMs, qualityFlag.clockReplaced],
    ['yard-3.DS18B20.Temperature', 19.5, startMs, qualityFlag.clockReplaced],
  ])
})

test('Tasmota: the last will is a sign of life, and what is no telemetry is passed over', async () => {
  await using open = await house()
  await open.say('tele/yard-3/LWT', 'Offline')
  expect(await offline(open)).toEqual(['tasmota/yard-3'])
  await open.say('yard-3/tele/LWT', 'Online')
  await open.say('tele/yard-3/LWT', '')
  await open.say('tele/yard-3/INFO1', { Info1: {} })
  expect(await offline(open)).toEqual([])
  expect(await refusals(open)).toEqual([])
})

const uplink = {
  deduplicationId: '3ac7e3c4-4401-4b8d-9386-a5c902f9202d',
  time: '2026-07-20T14:59:58.775023242+00:00',
  deviceInfo: { deviceName: 'road', deviceProfileName: 'EM500-SWL', devEui: '24e124713c140001' },
  fPort: 85,
  rxInfo: [{ gatewayId: '0016c001f153a14c', rssi: -36, snr: 10.5 }],
}
const up = 'application/17c82e96-be03-4f38-aef3-f83d48582d97/device/24e124713c140001/event/up'

test('ChirpStack: the codec’s object counts, and without one a Milesight payload is read; lengths are converted', async () => {
  await using open = await house()
  await open.say(up, { ...uplink, object: { depth_cm: 27, battery: 90 } })
  // 01 75 64: battery; 03 77 1B00: depth 27 cm
  await open.say(up, { ...uplink, data: Buffer.from('01756403771b00', 'hex').toString('base64') })
  const row = ['road-depth', 0.27, startMs - 1225, 0]
  expect(await only(open)).toEqual([row, row])
  await open.say(up.replace('/up', '/join'), { ...uplink })
  expect(await refusals(open)).toEqual([])
})

test.each([
  ['bytes that no codec has read', { ...uplink, fPort: 2, data: 'qg==' }, 'no codec for port 2'],
  [
    'an uplink of another device than its topic',
    { ...uplink, deviceInfo: { devEui: 'a1b2c3d4e5f60718' } },
    'the uplink is of device',
  ],
  ['protobuf', Buffer.from([0x0a, 0x24, 0xff]), 'no uplink of ChirpStack in JSON'],
  ['an event without its time', { ...uplink, time: 'noon' }, 'RFC 3339'],
])('ChirpStack: %s is kept aside', async (_, payload, detail) => {
  await using open = await house()
  await open.say(up, payload)
  expect(await refusals(open)).toEqual([expect.stringContaining(detail)])
})

test('Telegraf: each line is a reading at its own nanosecond, and a wrong line does not take the others with it', async () => {
  await using open = await house()
  const ns = (ms: number) => `${ms}000000`
  const lines = [
    `water,host=host-7 level=0.25,pump="on" ${ns(startMs - 2000)}`,
    `water,host=host-7 level=0.26 ${ns(startMs - 1000)}`,
    'water,host=host-7 level=NaN 1',
    'tank,site=west level=0.5',
  ]
  await open.say('telegraf/host-7/water', lines.join('\n'))
  expect(await only(open)).toEqual([
    ['host-7.level', 0.25, startMs - 2000, 0],
    ['host-7.level', 0.26, startMs - 1000, 0],
    ['tank', 0.5, startMs, 0],
  ])
  expect(await refusals(open)).toEqual([expect.stringContaining('bad-payload: line 3')])
})

// Published by united-manufacturing-hub/benthos-umh (test_vectors.go): a birth with Temperature as alias 100, data by
// that alias alone, and the death of the same node; all at 1750855643474.
const publishedMs = 1_750_855_643_474
const published = {
  birth: Buffer.from(
    'CNLig7n6MhINCgViZFNlcRABIAhYWBIcChROb2RlIENvbnRyb2wvUmViaXJ0aBACIAtwABIaCgtUZW1wZXJhdHVyZRBkIAppAAAAAACANUAYAA==',
    'base64',
  ),
  data: Buffer.from('CNLig7n6MhINEGQgCmkAAAAAAAA5QBgB', 'base64'),
}

test('Sparkplug B: data by alias means what the birth said, also after a restart', async () => {
  const before = await house(publishedMs)
  await before.say('spBv1.0/plant/NBIRTH/edge-1', published.birth)
  await before.say('spBv1.0/plant/NDATA/edge-1', published.data)
  await using open = await before.restart()
  await open.say('spBv1.0/plant/NDATA/edge-1', published.data)
  expect(await only(open)).toEqual([
    ['boiler', 21.5, publishedMs, 0],
    ['boiler', 25, publishedMs, 0],
    ['boiler', 25, publishedMs, 0],
  ])
  expect(await refusals(open)).toEqual([])
})

test('Sparkplug B: data before a birth waits, the node is asked for it, and the birth lets it go', async () => {
  await using open = await house(publishedMs)
  await open.say('spBv1.0/plant/NDATA/edge-1', published.data)
  await open.say('spBv1.0/plant/NDATA/edge-1', published.data)
  expect(open.down.map(({ gateway, topic }) => [gateway, topic])).toEqual([['gw-1', 'spBv1.0/plant/NCMD/edge-1']])
  const command = open.down[0]?.payload
  expect(parseSparkplugPayload(typeof command === 'object' ? command : Buffer.alloc(0))).toMatchObject({
    metrics: [{ name: 'Node Control/Rebirth' }],
  })
  expect((await open.quarantine()).counts).toEqual({ 'unknown-birth': 2 })
  await open.say('spBv1.0/plant/NBIRTH/edge-1', published.birth)
  await using later = await open.restart()
  expect((await only(later)).map(([id, value]) => [id, value])).toEqual([
    ['boiler', 21.5],
    ['boiler', 25],
    ['boiler', 25],
  ])
})

interface MetricWords {
  readonly name?: string
  readonly alias?: number
  readonly value: number
  readonly isHistorical?: boolean
}

/** A payload as sparkplug.proto lays it out: times, doubles and what a test needs of the rest. */
function sparkplug(seq: number, metrics: readonly MetricWords[], atMs = publishedMs): Uint8Array {
  const metric = ({ name, alias, value, isHistorical }: MetricWords) =>
    Buffer.concat([
      name === undefined ? Buffer.alloc(0) : bytesField(1, name),
      alias === undefined ? Buffer.alloc(0) : varintField(2, alias),
      varintField(3, atMs),
      varintField(4, 10),
      isHistorical === undefined ? Buffer.alloc(0) : varintField(5, true),
      doubleField(13, value),
    ])
  return Buffer.concat([varintField(1, atMs), ...metrics.map(one => bytesField(2, metric(one))), varintField(3, seq)])
}

test('Sparkplug B: a device has its own birth, its data after a death waits, and history is marked as late', async () => {
  await using open = await house(publishedMs)
  const device = (message: string) => `spBv1.0/plant/${message}/edge-1/line-2`
  await open.say('spBv1.0/plant/NBIRTH/edge-1', published.birth)
  await open.say(
    device('DBIRTH'),
    sparkplug(1, [
      { name: 'Temperature', alias: 7, value: 60 },
      { name: 'Speed', alias: 8, value: 1 },
    ]),
  )
  await open.say(device('DDATA'), sparkplug(2, [{ alias: 7, value: 61 }]))
  await open.say(device('DDATA'), sparkplug(3, [{ alias: 7, value: 62, isHistorical: true }], publishedMs - 3_600_000))
  await open.say(device('DDATA'), sparkplug(4, [{ alias: 8, value: 2 }]))
  await open.say(device('DDATA'), sparkplug(5, [{ alias: 99, value: 2 }]))
  expect((await only(open)).slice(1)).toEqual([
    ['press', 60, publishedMs, 0],
    ['press', 61, publishedMs, 0],
    ['press', 62, publishedMs - 3_600_000, qualityFlag.backlog],
  ])
  expect((await open.quarantine()).counts).toEqual({ 'unknown-birth': 1 })
  await open.say(device('DDEATH'), sparkplug(6, []))
  expect(await offline(open)).toEqual(['spBv1.0/plant/edge-1/line-2'])
  await open.say(device('DDATA'), sparkplug(7, [{ alias: 7, value: 63 }]))
  expect((await open.quarantine()).counts).toEqual({ 'unknown-birth': 2 })
})

test('Sparkplug B: a gap in the sequence asks for a birth, and what came with it still counts', async () => {
  await using open = await house(publishedMs)
  await open.say('spBv1.0/plant/NBIRTH/edge-1', published.birth)
  await open.say('spBv1.0/plant/NDATA/edge-1', sparkplug(5, [{ alias: 100, value: 30 }]))
  expect((await only(open)).at(-1)).toEqual(['boiler', 30, publishedMs, 0])
  expect(open.down).toHaveLength(1)
})

test('Sparkplug B: what hosts say, and what is no payload', async () => {
  await using open = await house(publishedMs)
  await open.say('spBv1.0/STATE/scada', '{"online":true,"timestamp":1}')
  await open.say('spBv1.0/plant/NCMD/edge-1', published.birth)
  expect(await refusals(open)).toEqual([])
  await open.say('spBv1.0/plant/NDATA/edge-1', Buffer.from([0xff, 0xff]))
  await open.say('spBv1.0/plant/DATA/edge-1', published.data)
  expect((await open.quarantine()).counts).toEqual({ 'bad-payload': 1, 'unknown-topic': 1 })
})
