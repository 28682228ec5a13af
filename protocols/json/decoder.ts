/**
 * Plain JSON on the command line: by a mapping its readings, without one its values by path.
 */
import { flatten } from '../flatten.ts'
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { mapPayload } from '../json-mapping/map-payload.ts'
import type { Mapping } from '../json-mapping/mapping.ts'
import { jsonOf } from '../json-text.ts'

const standard = 'plain JSON, by a mapping'

export const jsonDecoder: FrameDecoder = { protocol: 'json', standard, decode }

function decode(frame: Frame): Decoded {
  const payload = payloadOf(frame)
  return payload === undefined ? refused('the payload is no JSON') : accepted({ values: flatten(payload) })
}

function payloadOf({ json, text, bytes }: Frame): unknown {
  return json ?? jsonOf(text ?? bytes)
}

/** A decoder that reads by these mappings: the first whose topic fits. */
export function mappingDecoder(mappings: readonly Mapping[]): FrameDecoder {
  return { protocol: 'json', standard, decode: frame => decodeBy(mappings, frame) }
}

function decodeBy(mappings: readonly Mapping[], frame: Frame): Decoded {
  const { topic, text, receivedAtMs = 0 } = frame
  if (topic === undefined) return refused('a mapping reads by the topic: give it with --topic')
  // A bare text is a payload as well, as `on` is.
  const payload = payloadOf(frame) ?? text
  for (const mapping of mappings) {
    const mapped = mapPayload(topic, payload, mapping, receivedAtMs)
    if (mapped === undefined) continue
    const { readings, faults } = mapped
    if (readings.length === 0) return refused(faults.join('; '))
    const records = readings.map(reading => ({ ...reading, value: Number.isNaN(reading.value) ? null : reading.value }))
    return faults.length === 0 ? accepted(...records) : { ...accepted(...records), error: faults.join('; ') }
  }
  return refused(`no mapping reads ${topic}`)
}
