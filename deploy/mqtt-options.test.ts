import { readSettings, type Settings } from '@forewarn/runtime/settings'
import { expect, test } from 'vitest'
import { mqttOptionsOf } from './mqtt-options.ts'

function settings(flags: Partial<Record<keyof Settings, string>>): Settings {
  const read = readSettings({ flags, variables: {} })
  if ('message' in read && 'source' in read) throw new Error(read.message)
  return read
}

const real = { simulated: false }

test('a broker that is open to everybody is refused with a real district, but on this machine', () => {
  const open = { openBroker: 'yes', host: '0.0.0.0' }
  expect(() => mqttOptionsOf(settings(open), real)).toThrow('FOREWARN_OPEN_BROKER')
  expect(mqttOptionsOf(settings({ ...open, host: '127.0.0.1' }), real).open).toBe(true)
  expect(mqttOptionsOf(settings({}), real).open).toBe(false)
})

test('TLS needs a certificate and its key, and client certificates need their authority', () => {
  expect(() => mqttOptionsOf(settings({ tlsCert: 'a.pem' }), real)).toThrow('belong together')
  const tls = { tlsCert: 'a.pem', tlsKey: 'a.key', tlsClientCertificates: 'required' }
  expect(() => mqttOptionsOf(settings(tls), real)).toThrow('FOREWARN_TLS_CA')
  expect(mqttOptionsOf(settings({ ...tls, tlsCa: 'ca.pem' }), real).tls).toMatchObject({
    port: 8883,
    clientCertificateRequired: true,
  })
})

test('limits come from one setting, and a wrong one is told before anything starts', () => {
  expect(mqttOptionsOf(settings({ mqttLimits: 'maxQueued=7' }), real).limits).toEqual({ maxQueued: 7 })
  expect(() => mqttOptionsOf(settings({ mqttLimits: 'maxQueud=7' }), real)).toThrow('there is no limit maxQueud')
})
