/**
 * ChirpStack on the command line and in the vectors: one uplink event in JSON.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { jsonOf } from '../json-text.ts'
import { parseChirpstackTopic, parseUplink, type Uplink } from './event.ts'

export const chirpstackDecoder: FrameDecoder = {
  protocol: 'chirpstack',
  standard: 'ChirpStack v4 events, JSON',
  decode,
}

function decode({ topic, json, text, bytes }: Frame): Decoded {
  const address = topic === undefined ? undefined : parseChirpstackTopic(topic)
  if (topic !== undefined && address === undefined) return refused(`${topic} is no ChirpStack event topic`)
  const event = json ?? jsonOf(text ?? bytes)
  if (event === undefined) return refused('the event is no JSON: set the MQTT integration to JSON')
  if (address !== undefined && address.event !== 'up')
    return {
      ok: true,
      records: [event],
      expect: 'accept-parse-only',
      error: `nothing is measured in a ${address.event} event`,
    }
  const uplink = parseUplink(event)
  if (typeof uplink === 'string') return refused(uplink)
  if (address !== undefined && address.devEui !== uplink.devEui)
    return refused(`the topic names device ${address.devEui}, the event ${uplink.devEui}`)
  return accepted(uplinkRecord(uplink))
}

function uplinkRecord(uplink: Uplink) {
  const { devEui, timeUtc, fPort, data, fCnt, adr, bestRssiDbm, bestSnrDb, deduplicationId, object } = uplink
  return {
    devEui,
    timeUTC: timeUtc,
    fPort,
    payloadHex: Buffer.from(data).toString('hex').toUpperCase(),
    fCnt,
    adr,
    ...(bestRssiDbm === undefined ? {} : { bestRssi: bestRssiDbm }),
    ...(bestSnrDb === undefined ? {} : { bestSnr: bestSnrDb }),
    dedupKey: deduplicationId,
    ...(object === undefined ? {} : { object }),
  }
}
