/**
 * LoRaWAN application payloads on the command line and in the vectors.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { parseMilesight } from './milesight.ts'

export const lorawanPayloadDecoder: FrameDecoder = {
  protocol: 'lorawan-payload',
  standard: 'LoRaWAN FRMPayload, Milesight TLV (fPort 85)',
  decode,
}

function decode({ bytes, kind }: Frame): Decoded {
  if (bytes === undefined) return refused('a LoRaWAN payload is bytes')
  const payload = parseMilesight(bytes, kind)
  if (typeof payload === 'string') return refused(payload)
  const { fields, history, unread } = payload
  const read = accepted({ ...fields, ...(history.length === 0 ? {} : { history }) })
  return unread === undefined ? read : { ...read, error: unread }
}
