/**
 * SensorThings on the command line and in the vectors: one observation in JSON.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { exactJsonOf } from '../json-text.ts'
import { parseObservation } from './observation.ts'

export const sensorthingsDecoder: FrameDecoder = {
  protocol: 'sensorthings',
  standard: 'OGC SensorThings 1.1, Observation',
  decode,
}

function decode({ json, text, bytes }: Frame): Decoded {
  const observation = parseObservation(json ?? exactJsonOf(text ?? bytes))
  if (typeof observation === 'string') return refused(observation)
  if (observation.datastream !== undefined) return accepted(observation)
  // Without its stream nobody knows what was observed: the value is right and of no use.
  return {
    ok: true,
    records: [observation],
    expect: 'accept-parse-only',
    error: 'no Datastream: what was observed is not said',
  }
}
