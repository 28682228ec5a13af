import { describe, expect, test } from 'vitest'
import { fuzzDecoder } from '../fuzz.ts'
import { tasmotaDecoder } from './decoder.ts'
import { parseTasmota } from './message.ts'

const receivedAtMs = Date.UTC(2026, 6, 20, 15)
const sensor = {
  Time: '2026-07-20T22:59:30',
  DS18B20: { Id: '01', Temperature: 27.3 },
  ANALOG: { A0: 512 },
  TempUnit: 'C',
}
const parse = (topic: string, payload: unknown) => parseTasmota({ topic, payload, utcOffsetHours: 8, receivedAtMs })

describe('a SENSOR message', () => {
  test('holds what several sensors say, each by its path', () => {
    expect(parse('tele/yard-3/SENSOR', sensor)).toEqual({
      kind: 'sensor',
      device: 'yard-3',
      values: { 'DS18B20.Id': '01', 'DS18B20.Temperature': 27.3, 'ANALOG.A0': 512, TempUnit: 'C' },
      measuredAtMs: Date.UTC(2026, 6, 20, 14, 59, 30),
      timeText: '2026-07-20T22:59:30',
    })
  })

  test.each([
    ['a time with its zone', '2026-07-20T14:59:30Z', Date.UTC(2026, 6, 20, 14, 59, 30)],
    ['another zone', '2026-07-20T16:59:30+02:00', Date.UTC(2026, 6, 20, 14, 59, 30)],
    ['a clock that was never set', '1970-01-01T00:00:10', receivedAtMs],
    ['no time', undefined, receivedAtMs],
    ['a day that is none', '2026-02-31T99:00:00', receivedAtMs],
  ])('with %s is of the right moment', (_, Time, measuredAtMs) => {
    expect(parse('tele/yard-3/SENSOR', { Time, ANALOG: { A0: 1 } })).toMatchObject({ measuredAtMs })
  })
})

test.each([
  [
    'yard-3/tele/STATE',
    { Uptime: '1T', Wifi: { RSSI: 50 } },
    { kind: 'state', device: 'yard-3', values: { Uptime: '1T', 'Wifi.RSSI': 50 } },
  ],
  ['tele/block-2/yard-3/STATE', { Vcc: 3 }, { kind: 'state', device: 'block-2/yard-3' }],
  ['tele/yard-3/LWT', 'Online', { kind: 'life', device: 'yard-3', online: true }],
  ['tele/yard-3/LWT', 'Offline', { kind: 'life', device: 'yard-3', online: false }],
  ['tele/yard-3/INFO1', {}, { kind: 'other', device: 'yard-3', channel: 'INFO1' }],
])('%s is what it is', (topic, payload, message) => {
  expect(parse(topic, payload)).toMatchObject(message)
})

test.each([
  ['stat/yard-3/POWER', 'ON', 'no Tasmota topic'],
  ['tele/SENSOR', {}, 'no Tasmota topic'],
  ['tele/yard-3/SENSOR', 'hot', 'JSON object'],
  ['tele/yard-3/LWT', 'Maybe', 'Online or Offline'],
])('%s with %j is refused', (topic, payload, trouble) => {
  expect(parse(topic, payload)).toContain(trouble)
})

test('the command line takes a text payload as the device sent it', () => {
  const decoded = tasmotaDecoder.decode({ topic: 'tele/yard-3/SENSOR', text: JSON.stringify(sensor), receivedAtMs })
  expect(decoded).toMatchObject({ ok: true, records: [{ device: 'yard-3', timeUTC: '2026-07-20T14:59:30.000Z' }] })
})

fuzzDecoder('tasmota', tasmotaDecoder, [
  { topic: 'tele/yard-3/SENSOR', json: sensor, receivedAtMs },
  { topic: 'tele/yard-3/LWT', text: 'Online' },
])
