import { afterEach, expect, test } from 'vitest'
import { nextMessage, startTestBroker, type TestBroker, whenConnected } from './broker-fixture.ts'

let house: TestBroker | undefined
afterEach(() => house?.stop())

/** What each kind of client publishes, subscribes to and leaves as its will, as it does out of the box. */
const clients = [
  {
    name: 'Zigbee2MQTT hears its own messages',
    publish: ['zigbee2mqtt/#'],
    subscribe: ['zigbee2mqtt/#'],
    says: 'zigbee2mqtt/积水/探头 1',
    listens: 'zigbee2mqtt/#',
    will: 'zigbee2mqtt/bridge/state',
  },
  {
    name: 'Tasmota',
    publish: ['tele/pump-7/#', 'stat/pump-7/#'],
    subscribe: ['cmnd/pump-7/#', 'stat/pump-7/#'],
    says: 'stat/pump-7/RESULT',
    listens: 'stat/pump-7/#',
    will: 'tele/pump-7/LWT',
  },
  {
    name: 'ChirpStack',
    publish: ['application/+/device/+/event/+'],
    subscribe: ['application/+/device/+/command/down', 'application/+/device/+/event/+'],
    says: 'application/11/device/70b3d57ed0001234/event/up',
    listens: 'application/+/device/+/event/up',
    will: undefined,
  },
  {
    name: 'a Sparkplug node',
    publish: ['spBv1.0/jingan/+/edge-1/#', 'spBv1.0/jingan/+/edge-1'],
    subscribe: ['spBv1.0/jingan/+/edge-1/#'],
    says: 'spBv1.0/jingan/NBIRTH/edge-1',
    listens: 'spBv1.0/jingan/NCMD/edge-1/#',
    will: 'spBv1.0/jingan/NDEATH/edge-1',
  },
] as const

test.each(clients)('$name works as it comes: its messages are kept, routed, and its will is taken', async device => {
  house = await startTestBroker({ 'gw-1': { publish: device.publish, subscribe: device.subscribe }, 'gw-2': {} })
  const will =
    device.will === undefined
      ? {}
      : { will: { topic: device.will, payload: Buffer.from('offline'), qos: 1 as const, retain: true } }
  const client = await house.connected('gw-1', will)
  await client.subscribeAsync(device.listens, { qos: 1 })
  await client.publishAsync(device.says, 'first', { qos: 1, retain: true })
  expect(house.published).toMatchObject([{ gateway: 'gw-1', topic: device.says }])
  const beside = await whenConnected(house.client('gw-1', { clientId: 'gw-1/beside' }))
  const told = nextMessage(beside)
  await beside.subscribeAsync(device.subscribe.at(-1) ?? '')
  await client.publishAsync(device.says, 'second', { qos: 1 })
  expect((await told)[0]).toBe(device.says)
})

test('what one gateway may is not what another may', async () => {
  house = await startTestBroker({ 'gw-1': { publish: ['zigbee2mqtt/#'], subscribe: ['zigbee2mqtt/#'] }, 'gw-2': {} })
  const owner = await house.connected('gw-1')
  await owner.subscribeAsync('zigbee2mqtt/#')
  let heard = 0
  owner.on('message', () => heard++)
  const other = await house.connected('gw-2')
  await expect(other.subscribeAsync('zigbee2mqtt/#')).rejects.toThrow('Subscribe error')
  // Acknowledged and kept aside by the house, and passed on to nobody.
  await other.publishAsync('zigbee2mqtt/lamp/set', 'ON', { qos: 1 })
  await owner.publishAsync('zigbee2mqtt/end', 'x', { qos: 1 })
  await expect.poll(() => heard, { timeout: 20_000 }).toBe(1)
})

test('rights may be changed while the broker runs', async () => {
  house = await startTestBroker({ 'gw-1': {} })
  await house.ask('/gateways/gw-1/rights', { publish: ['tele/x/#'], subscribe: ['cmnd/x/#'] })
  const client = await house.connected('gw-1')
  await client.subscribeAsync('cmnd/x/#')
  await expect(client.subscribeAsync('tele/x/#')).rejects.toThrow('Subscribe error')
  await expect(client.subscribeAsync('cmnd/#')).rejects.toThrow('Subscribe error')
})
