import { expect, test } from 'vitest'
import { parseZigbee2mqtt } from './message.ts'

test.each([
  ['a device in a room', '大厅/水浸', { water_leak: true, battery: 97 }, { water_leak: true, battery: 97 }],
  [
    'nested values',
    'plug',
    { update: { state: 'idle' }, color: { xy: [0.3, 0.4] } },
    { 'update.state': 'idle', 'color.xy.0': 0.3, 'color.xy.1': 0.4 },
  ],
  ['an empty payload', 'plug', '', {}],
])('%s says its values by path', (_, device, payload, values) => {
  expect(parseZigbee2mqtt({ topic: `zigbee2mqtt/${device}`, payload })).toEqual({ kind: 'state', device, values })
})

test.each([
  [
    'zigbee2mqtt/大厅/水浸/availability',
    { state: 'offline' },
    { kind: 'availability', device: '大厅/水浸', online: false },
  ],
  ['zigbee2mqtt/plug/availability', 'online', { kind: 'availability', device: 'plug', online: true }],
  ['zigbee2mqtt/plug/availability', '', { kind: 'availability', device: 'plug', online: undefined }],
  ['zigbee2mqtt/bridge/state', { state: 'online' }, { kind: 'bridge', about: 'state', online: true }],
  ['zigbee2mqtt/bridge/devices', [], { kind: 'bridge', about: 'devices', online: undefined }],
  ['zigbee2mqtt/plug/set', { state: 'ON' }, { kind: 'command', device: 'plug' }],
  ['zigbee2mqtt/plug/set/state', 'ON', { kind: 'command', device: 'plug' }],
])('%s is what it is', (topic, payload, message) => {
  expect(parseZigbee2mqtt({ topic, payload })).toEqual(message)
})

test('a base topic of its own is known when it is set', () => {
  expect(parseZigbee2mqtt({ topic: 'site-3/z2m/plug', base: 'site-3/z2m', payload: { power: 1 } })).toMatchObject({
    device: 'plug',
  })
})

test.each([
  ['zigbee2mqtt/plug', 'ON', 'JSON object'],
  ['zigbee2mqtt/plug/availability', { state: 'maybe' }, 'availability is'],
  ['tele/plug/STATE', {}, 'no topic of zigbee2mqtt'],
  ['zigbee2mqtt/', {}, 'names no device'],
])('%s with %j is refused', (topic, payload, trouble) => {
  expect(parseZigbee2mqtt({ topic, payload })).toContain(trouble)
})
