import { expect, test } from 'vitest'
import { parseMilesight } from './milesight.ts'

const weather = { timestamp: 1692507109, temperature: 25.5, humidity: 60.5, pressure: 1006.3, windDirection: 121 }

test.each([
  ['temperature and humidity', '01756403 67FF00 046879', { battery: 100, temperature: 25.5, humidity: 60.5 }],
  ['frost', '0367F6FF', { temperature: -1 }],
  ['a depth', '03770200', { depth_cm: 2 }],
  ['a rain total in four bytes', '08EC7B00000001', { rainfallTotal_mm: 1.23, rainfallCounter: 1 }],
  ['a rain alarm', '88EC8D1300000201', { rainfallTotal_mm: 50.05, rainfallCounter: 2, rainfallAlarm: 1 }],
  ['a pressure alarm', '86734F2701', { pressure: 1006.3, pressureAlarm: 1 }],
  ['a tilt below level', '03D438FF01000000', tilted({ angle_x: -1, trigger_y: true })],
  ['people by region', '04C90308 00A1', { peopleCountAll: 3, regionCount: 8, ...regions([1, 0, 0, 0, 0, 1, 0, 1]) }],
  [
    'what it is',
    'FF090100FF0A0110FF166600B09409760001',
    { hardwareVersion: '1.0', firmwareVersion: '1.10', serialNumber: '6600b09409760001' },
  ],
])('%s is read', (_, hex, fields) => {
  expect(parse(hex)).toEqual({ fields, history: [] })
})

test('what the device kept is told apart from now, each with its own time', () => {
  const record = '20CEE59BE164FF00794F27BA0432008D13'
  expect(parse(`${record}${record}0367FF00`)).toEqual({
    fields: { temperature: 25.5 },
    history: [0, 1].map(() => ({ ...weather, windSpeed: 5, rainfallTotal_mm: 50.05 })),
  })
  expect(parse('21CEE59BE164FF00794F27BA043200EA840100')).toEqual({
    fields: {},
    history: [{ ...weather, windSpeed: 5, rainfallTotal_mm: 995.62 }],
  })
})

test('a history of another device is known by its length, or by the name of the device', () => {
  expect(parse('20CEE59BE1640200')).toEqual({ fields: {}, history: [{ timestamp: 1692507109, depth_cm: 2 }] })
  expect(parse('20CEE59BE1640200', 'EM500-UDL')).toMatchObject({ history: [{ distance_mm: 2 }] })
})

test('what stands before a channel that is not known still counts', () => {
  expect(parse('03821E00AABB01')).toEqual({
    fields: { distance_mm: 30 },
    history: [],
    unread: 'channel AA type BB at byte 4 is not known',
  })
})

test.each([
  ['nothing', '', 'is empty'],
  ['half an item', '0382 1E', 'the end inside channel 03'],
  ['a byte too many', '03821E0001', 'half an item at byte 4'],
  ['no channel that is known', 'AABB01', 'is not known'],
])('%s is refused', (_, hex, trouble) => {
  expect(parse(hex)).toContain(trouble)
})

function parse(hex: string, kind?: string) {
  return parseMilesight(Buffer.from(hex.replaceAll(' ', ''), 'hex'), kind)
}

function tilted(some: object) {
  return { angle_x: 0, trigger_x: false, angle_y: 0, trigger_y: false, angle_z: 0, trigger_z: false, ...some }
}

function regions(occupied: readonly number[]) {
  return Object.fromEntries(occupied.map((people, index) => [`region_${index + 1}`, people]))
}
