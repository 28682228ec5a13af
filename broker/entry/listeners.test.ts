import { networkInterfaces } from 'node:os'
import { silentLog } from '@forewarn/runtime/log'
import mqtt from 'mqtt'
import { expect, test } from 'vitest'
import { startTestBroker, whenConnected } from '../broker-fixture.ts'
import { plainHostOf } from './listeners.ts'

const log = silentLog()

test('plain MQTT stays on this machine unless a setting says otherwise', () => {
  expect(plainHostOf({ host: '0.0.0.0', port: 0 }, log)).toBe('127.0.0.1')
  expect(plainHostOf({ host: '192.0.2.1', port: 0 }, log)).toBe('127.0.0.1')
  expect(plainHostOf({ host: '0.0.0.0', port: 0, plainOnNetwork: true }, log)).toBe('0.0.0.0')
  expect(plainHostOf({ host: '::1', port: 0 }, log)).toBe('::1')
})

const outside = Object.values(networkInterfaces())
  .flat()
  .find(address => address?.family === 'IPv4' && !address.internal)?.address

test.skipIf(outside === undefined)('from the network plain MQTT answers nobody', async () => {
  const house = await startTestBroker({ 'gw-1': {} }, { host: '0.0.0.0' })
  const client = mqtt.connect(`mqtt://${outside}:${house.broker.port}`, { reconnectPeriod: 0, clientId: 'gw-1' })
  await expect(whenConnected(client)).rejects.toThrow()
  await client.endAsync(true)
  expect(await house.refusalOf('gw-1')).toBe('let in')
  await house.stop()
})
