/**
 * Zigbee2MQTT: `zigbee2mqtt/{name}` with what changed of a device, `…/availability` as a sign of life. Only what a
 * message says itself counts: a state merged from earlier ones would give old values a new time.
 */
import { jsonOf } from '@forewarn/protocols/json-text'
import { parseZigbee2mqtt } from '@forewarn/protocols/zigbee2mqtt/message'
import type { Lives } from '../gateways/lives.ts'
import type { TakeValues } from './device-values.ts'
import { type Format, heard, refused } from './format.ts'

/** States of devices behind Zigbee2MQTT, and whether they are there. */
export function zigbee2mqttFormat({ take, lives }: { take: TakeValues; lives: Lives }): Format {
  return ({ gateway, topic, payload }, arrival) => {
    const message = parseZigbee2mqtt({ topic, payload: jsonOf(payload) ?? Buffer.from(payload).toString() })
    if (typeof message === 'string') return refused('bad-payload', message)
    if (message.kind === 'bridge') lives.note(gateway, 'zigbee2mqtt/bridge', message.online)
    if (message.kind === 'availability') lives.note(gateway, `zigbee2mqtt/${message.device}`, message.online)
    if (message.kind !== 'state') return heard
    const { device, values } = message
    return take(
      {
        values: Object.entries(values).map(([property, value]) => ({
          names: [`${device}.${property}`, `zigbee2mqtt/${device}#${property}`],
          value,
          timeMs: undefined,
        })),
      },
      arrival,
    )
  }
}
