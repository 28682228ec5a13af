import { describe, expect, test } from 'vitest'
import { chirpstackDecoder } from './decoder.ts'
import { parseChirpstackTopic, parseUplink, utcText } from './event.ts'

const least = { deduplicationId: 'd', time: '2026-07-20T15:00:00Z', deviceInfo: { devEui: '24E124136B502217' } }

describe('an uplink', () => {
  test('that leaves out what is zero, false or empty means just that', () => {
    expect(parseUplink(least)).toMatchObject({
      devEui: '24e124136b502217',
      fCnt: 0,
      fPort: 0,
      adr: false,
      data: Buffer.alloc(0),
      object: undefined,
      bestRssiDbm: undefined,
    })
  })

  test('with null for what is left out means the same', () => {
    expect(parseUplink({ ...least, fCnt: null, adr: null, data: null, rxInfo: null })).toEqual(parseUplink(least))
  })

  test('heard by several gateways is one uplink, as strong as the best heard it', () => {
    const rxInfo = [{ rssi: -120, snr: -3 }, { rssi: -40, snr: 9.5 }, { rssi: -90 }]
    expect(parseUplink({ ...least, rxInfo })).toMatchObject({ bestRssiDbm: -40, bestSnrDb: 9.5 })
  })

  test('keeps what the codec of its profile made of it', () => {
    expect(parseUplink({ ...least, object: { distance: 30 } })).toMatchObject({ object: { distance: 30 } })
  })

  test.each([
    ['no device', { ...least, deviceInfo: {} }, 'deviceInfo.devEui'],
    ['a device that is none', { ...least, deviceInfo: { devEui: 'x' } }, 'deviceInfo.devEui'],
    ['no deduplication id', { ...least, deduplicationId: '' }, 'deduplicationId'],
    ['a time without a zone', { ...least, time: '2026-07-20T15:00:00' }, 'no RFC 3339 time'],
    ['data that is no base64', { ...least, data: '*' }, 'no base64'],
    ['no object', 'uplink', 'the event'],
  ])('with %s is refused, and the field is named', (_, json, trouble) => {
    expect(parseUplink(json)).toContain(trouble)
  })
})

test.each([
  ['2022-07-18T09:34:15.775023242+00:00', '2022-07-18T09:34:15.775023242Z'],
  ['2026-07-20T23:30:00+08:00', '2026-07-20T15:30:00Z'],
  ['2026-07-20T15:30:00.5Z', '2026-07-20T15:30:00.5Z'],
  ['2026-13-20T15:30:00Z', undefined],
])('%s is %s', (time, utc) => {
  expect(utcText(time)).toBe(utc)
})

test('a topic names application, device and event, whatever stands before them', () => {
  const topic = 'eu868/application/7/device/24E124136B502217/event/up'
  expect(parseChirpstackTopic(topic)).toEqual({ application: '7', devEui: '24e124136b502217', event: 'up' })
  expect(parseChirpstackTopic('application/7/device/24e124136b502217/command/down')).toBeUndefined()
})

test('an event in which nothing is measured is parsed and not used', () => {
  const topic = 'application/7/device/24e124136b502217/event/join'
  expect(chirpstackDecoder.decode({ topic, json: { ...least, devAddr: '1' } })).toMatchObject({
    expect: 'accept-parse-only',
    records: [{ event: 'join', devEui: '24e124136b502217', timeUTC: '2026-07-20T15:00:00Z' }],
  })
  expect(chirpstackDecoder.decode({ topic, json: { devAddr: '1' } }).expect).toBe('reject')
})

test('a topic and an event that name different devices are refused', () => {
  const topic = 'application/7/device/0000000000000001/event/up'
  expect(chirpstackDecoder.decode({ topic, json: least }).error).toContain('the topic names device')
})
