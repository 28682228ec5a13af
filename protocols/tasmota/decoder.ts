/**
 * Tasmota on the command line: one telemetry message. Its times are taken as Beijing time, as the district's are.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { jsonOf } from '../json-text.ts'
import { parseTasmota } from './message.ts'

export const tasmotaDecoder: FrameDecoder = { protocol: 'tasmota', standard: 'Tasmota telemetry over MQTT', decode }

const beijingOffsetHours = 8

function decode({ topic, json, text, bytes, receivedAtMs }: Frame): Decoded {
  if (topic === undefined) return refused('only the topic names the device: give it with --topic')
  const carried = text ?? (bytes === undefined ? undefined : Buffer.from(bytes).toString())
  const payload = json ?? jsonOf(carried) ?? carried
  const message = parseTasmota({ topic, payload, utcOffsetHours: beijingOffsetHours, receivedAtMs })
  if (typeof message === 'string') return refused(message)
  if (message.kind === 'life') return accepted(message)
  if (message.kind === 'other')
    return {
      ok: true,
      records: [message],
      expect: 'accept-parse-only',
      error: `nothing is measured on ${message.channel}`,
    }
  const { measuredAtMs, timeText, ...rest } = message
  return accepted({
    ...rest,
    ...(measuredAtMs === undefined ? {} : { timeUTC: new Date(measuredAtMs).toISOString() }),
    ...(timeText === undefined ? {} : { time: timeText }),
  })
}
