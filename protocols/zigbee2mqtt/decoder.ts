/**
 * Zigbee2MQTT on the command line and in the vectors.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { jsonOf } from '../json-text.ts'
import { parseZigbee2mqtt } from './message.ts'

export const zigbee2mqttDecoder: FrameDecoder = { protocol: 'zigbee2mqtt', standard: 'Zigbee2MQTT 2 over MQTT', decode }

function decode({ topic, json, text, bytes }: Frame): Decoded {
  if (topic === undefined) return refused('only the topic names the device: give it with --topic')
  const carried = text ?? (bytes === undefined ? undefined : Buffer.from(bytes).toString())
  const message = parseZigbee2mqtt({ topic, payload: json ?? jsonOf(carried) ?? carried })
  if (typeof message === 'string') return refused(message)
  if (message.kind === 'state') {
    const { device, kind, values } = message
    const names = Object.keys(values)
    // A lone value is surely not all that the device has: its other values stand as they were.
    return accepted({ device, kind, ...(names.length === 1 ? { partial: true } : {}) }, { values })
  }
  if (message.kind === 'availability') {
    const { device, kind, online } = message
    return accepted(online === undefined ? { device, kind, cleared: true } : { device, kind, online })
  }
  if (message.kind === 'bridge') {
    const { about, online } = message
    return accepted({ device: 'bridge', kind: 'bridge', about, ...(online === undefined ? {} : { online }) })
  }
  return {
    ok: true,
    records: [message],
    expect: 'accept-parse-only',
    error: `nothing is measured in a ${message.kind} message`,
  }
}
