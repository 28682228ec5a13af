/**
 * ChirpStack on the command line and in the vectors: one uplink event in JSON.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { jsonOf } from '../json-text.ts'
import { type ChirpstackAddress, parseAnyEvent, parseChirpstackTopic, parseUplink, type Uplink } from './event.ts'

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
  if (address !== undefined && address.event !== 'up') return decodeOther(address, event)
  const uplink = parseUplink(event)
  if (typeof uplink === 'string') return refused(uplink)
  if (address !== undefined && address.devEui !== uplink.devEui)
    return refused(`the topic names device ${address.devEui}, the event ${uplink.devEui}`)
  return accepted(uplinkRecord(uplink))
}

/** Joins, acknowledgements, battery levels: signs of life, nothing that the house measures. */
function decodeOther({ event: name, devEui }: ChirpstackAddress, json: unknown): Decoded {
  const said = parseAnyEvent(json)
  if (typeof said === 'string') return refused(said)
  if (said.devEui !== devEui) return refused(`the topic names device ${devEui}, the event ${said.devEui}`)
  const { timeUtc } = said
  const record = { event: name, devEui, ...(timeUtc === undefined ? {} : { timeUTC: timeUtc }) }
  return { ok: true, records: [record], expect: 'accept-parse-only', error: `nothing is measured in a ${name} event` }
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
