/**
 * JT/T 808 behind the room's one interface: a message in, a record in the field names of the published readings out.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { readAnswer, readAuthentication, readBatch, readRegisterReply, readRegistration, readText } from './bodies.ts'
import { type Jt808Fault, type Jt808Message, joinPackets, readMessage } from './frame.ts'
import { isOnTheGlobe, readLocation, type VehicleLocation } from './location.ts'

export const jt808Decoder: FrameDecoder = {
  protocol: 'jt808',
  standard: 'JT/T 808-2013 and -2019',
  decode(frame: Frame): Decoded {
    const message = messageOf(frame)
    if ('fault' in message) return refused(message.error, message.fault)
    const body = recordOfBody(message)
    if (body === undefined) return refused(`the body of ${message.msgId} contradicts itself`, 'quarantine')
    const { body: bytes, packets, ...header } = message
    const record = { ...header, bodyLen: bytes.length, subpackage: packets !== undefined, ...packets, ...body.fields }
    if (body.locations.every(isOnTheGlobe)) return accepted(record)
    return {
      ok: true,
      records: [record],
      expect: 'accept-frame-reject-position',
      error: 'a position that is not on the globe',
    }
  },
}

function messageOf({ bytes, parts }: Frame): Jt808Message | Jt808Fault {
  if (parts === undefined) return readMessage(bytes ?? new Uint8Array())
  const packets: Jt808Message[] = []
  for (const part of parts) {
    const packet = readMessage(part)
    if ('fault' in packet) return packet
    packets.push(packet)
  }
  return joinPackets(packets)
}

interface BodyRecord {
  readonly fields: Readonly<Record<string, unknown>>
  readonly locations: readonly VehicleLocation[]
}

/** Undefined when the body is none of its kind. Packets of a longer message and encrypted bodies are only shown. */
function recordOfBody(message: Jt808Message): BodyRecord | undefined {
  const { msgId, body, version2019, encrypt, packets } = message
  if (encrypt !== 0 || packets !== undefined) return shown(body)
  if (msgId === '0001' || msgId === '8001') return fields('ack', readAnswer(body))
  if (msgId === '8100') return fields('registerReply', readRegisterReply(body))
  if (msgId === '0200') {
    const location = readLocation(body)
    return location && { fields: { location }, locations: [location] }
  }
  if (msgId === '0704') {
    const batch = readBatch(body)
    return batch && { fields: { batch }, locations: batch.items }
  }
  // These three have other fields in the 2019 edition; there they are shown as they came.
  if (!version2019 && msgId === '0100') return fields('register', readRegistration(message))
  if (!version2019 && msgId === '0102') return fields('authCode', readAuthentication(message)?.authCode)
  if (!version2019 && msgId === '8300') return fields('text', readText(body))
  return shown(body)
}

function fields(name: string, value: unknown): BodyRecord | undefined {
  return value === undefined ? undefined : { fields: { [name]: value }, locations: [] }
}

/** A record is for people to look at: of a long body the first 40 bytes show what it is. */
const longestShownBytes = 128

function shown(body: Uint8Array): BodyRecord {
  if (body.length === 0) return { fields: {}, locations: [] }
  const hex = Buffer.from(body).toString('hex').toUpperCase()
  return { fields: { bodyHex: body.length > longestShownBytes ? `${hex.slice(0, 80)}...` : hex }, locations: [] }
}
