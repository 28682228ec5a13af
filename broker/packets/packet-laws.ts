/**
 * What a client may send: the rules of MQTT 3.1 and 3.1.1 for each packet, checked on its bytes before Aedes sees it.
 * The parser of Aedes lets broken UTF-8, packet id 0, surplus bytes and contradictory CONNECT flags through. Pure.
 */
import { isUtf8 } from 'node:buffer'
import { isFilter, isTopicName, levelCount } from '../topic-filters.ts'

export interface PacketLimits {
  readonly maxTopicBytes: number
  readonly maxTopicLevels: number
  readonly maxClientIdBytes: number
  /** Filters in one SUBSCRIBE or UNSUBSCRIBE. */
  readonly maxFilters: number
}

/** Why a connection is closed. Stable: it is logged, counted and tested on. */
export type Breach =
  | 'packet-too-large'
  | 'first-packet-is-no-connect'
  | 'second-connect'
  | 'not-a-packet-for-a-broker'
  | 'reserved-flags'
  | 'malformed-length'
  | 'malformed-connect'
  | 'unknown-protocol'
  | 'unknown-protocol-version'
  | 'malformed-publish'
  | 'malformed-subscribe'
  | 'malformed-acknowledgement'
  | 'packet-id-zero'
  | 'bad-text'
  | 'bad-topic'
  | 'topic-too-long'
  | 'client-id-too-long'
  | 'too-many-filters'

export const packetTypes = {
  connect: 1,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14,
} as const

/** Flags that the low half of the first byte must have (§2.2.2); PUBLISH has its own. */
const requiredFlags: ReadonlyMap<number, number> = new Map([
  [packetTypes.connect, 0],
  [packetTypes.puback, 0],
  [packetTypes.pubrec, 0],
  [packetTypes.pubrel, 2],
  [packetTypes.pubcomp, 0],
  [packetTypes.subscribe, 2],
  [packetTypes.unsubscribe, 2],
  [packetTypes.pingreq, 0],
  [packetTypes.disconnect, 0],
])

const hasBody: ReadonlySet<number> = new Set([packetTypes.connect, packetTypes.subscribe, packetTypes.unsubscribe])

/** What can be told from the first byte and the declared length. */
export function firstByteBreach(first: number, bodyBytes: number): Breach | undefined {
  const type = first >> 4
  if (type === packetTypes.publish) return bodyBytes < 2 ? 'malformed-length' : publishFlagsBreach(first)
  const flags = requiredFlags.get(type)
  if (flags === undefined) return 'not-a-packet-for-a-broker'
  if ((first & 0x0f) !== flags) return 'reserved-flags'
  // A name or an id at least.
  if (hasBody.has(type) && bodyBytes < 2) return 'malformed-length'
  const mustBeEmpty = type === packetTypes.pingreq || type === packetTypes.disconnect
  if (mustBeEmpty && bodyBytes > 0) return 'malformed-length'
  const isAcknowledgement = type >= packetTypes.puback && type <= packetTypes.pubcomp
  return isAcknowledgement && bodyBytes !== 2 ? 'malformed-acknowledgement' : undefined
}

function publishFlagsBreach(first: number): Breach | undefined {
  const qos = (first >> 1) & 3
  // 3.3.1-4, and 3.3.1-2: what was never acknowledged is never a repeat.
  return qos === 3 || (qos === 0 && (first & 8) !== 0) ? 'malformed-publish' : undefined
}

/** How many bytes of its body a packet is judged by: of a PUBLISH the topic and packet id, of others all. */
export function judgedBytes(first: number, bodyBytes: number, body: Uint8Array): number {
  if (first >> 4 !== packetTypes.publish) return bodyBytes
  if (body.length < 2) return Math.min(2, bodyBytes)
  const topicBytes = ((body[0] ?? 0) << 8) | (body[1] ?? 0)
  return Math.min(bodyBytes, 2 + topicBytes + ((first & 6) === 0 ? 0 : 2))
}

/** Judges a packet by its first byte and (of a PUBLISH the beginning of) its body. */
export function bodyBreach(first: number, body: Buffer, limits: PacketLimits): Breach | undefined {
  switch (first >> 4) {
    case packetTypes.connect:
      return connectBreach(body, limits)
    case packetTypes.publish:
      return publishBreach(first, body, limits)
    case packetTypes.subscribe:
      return filtersBreach(body, limits, { withQos: true })
    case packetTypes.unsubscribe:
      return filtersBreach(body, limits, { withQos: false })
    case packetTypes.pingreq:
    case packetTypes.disconnect:
      return undefined
    default:
      return body.readUInt16BE(0) === 0 ? 'packet-id-zero' : undefined
  }
}

/** Reads length-prefixed fields one after the other (§1.5.3). */
function fieldReader(body: Buffer, start: number) {
  let at = start
  return {
    get rest() {
      return body.length - at
    },
    byte: () => body[at++],
    /** The next field, or undefined when it is not all there. */
    field(): Buffer | undefined {
      if (at + 2 > body.length) return undefined
      const end = at + 2 + body.readUInt16BE(at)
      if (end > body.length) return undefined
      const bytes = body.subarray(at + 2, end)
      at = end
      return bytes
    },
  }
}

/** Room for protocol name length, level, flags and keep-alive behind the name. */
const afterName = 4

function connectBreach(body: Buffer, limits: PacketLimits): Breach | undefined {
  const reader = fieldReader(body, 0)
  const name = reader.field()?.toString('latin1')
  if (name !== 'MQTT' && name !== 'MQIsdp') return 'unknown-protocol'
  if (reader.rest < afterName) return 'malformed-connect'
  const level = reader.byte() ?? 0
  const flags = reader.byte() ?? 0
  // The high bit is how bridges of mosquitto say what they are.
  const version = level & 0x7f
  // The broker's own answer to version 5 names it; what its CONNECT holds is not ours to judge.
  if (name === 'MQTT' && level === 5) return undefined
  if (version !== (name === 'MQTT' ? 4 : 3)) return 'unknown-protocol-version'
  return flagsAreSound(flags)
    ? connectFieldsBreach(body.subarray(name.length + 2 + afterName), flags, limits)
    : 'malformed-connect'
}

function flagsAreSound(flags: number): boolean {
  const [reserved, will, willQos, willRetain] = [flags & 1, flags & 4, (flags >> 3) & 3, flags & 0x20]
  const [password, username] = [flags & 0x40, flags & 0x80]
  if (reserved !== 0 || willQos === 3) return false
  if (will === 0 && (willQos !== 0 || willRetain !== 0)) return false
  // 3.1.2-22: no password without a user name.
  return username !== 0 || password === 0
}

function connectFieldsBreach(fields: Buffer, flags: number, limits: PacketLimits): Breach | undefined {
  const reader = fieldReader(fields, 0)
  const clientId = reader.field()
  if (clientId === undefined) return 'malformed-connect'
  if (!isText(clientId)) return 'bad-text'
  if (clientId.length > limits.maxClientIdBytes) return 'client-id-too-long'
  if ((flags & 4) !== 0) {
    const topic = reader.field()
    if (topic === undefined || reader.field() === undefined) return 'malformed-connect'
    const breach = nameBreach(topic, limits)
    if (breach !== undefined) return breach
  }
  if ((flags & 0x80) !== 0) {
    const username = reader.field()
    if (username === undefined) return 'malformed-connect'
    if (!isText(username)) return 'bad-text'
  }
  if ((flags & 0x40) !== 0 && reader.field() === undefined) return 'malformed-connect'
  return reader.rest === 0 ? undefined : 'malformed-connect'
}

function publishBreach(first: number, body: Buffer, limits: PacketLimits): Breach | undefined {
  const reader = fieldReader(body, 0)
  const topic = reader.field()
  if (topic === undefined) return 'malformed-publish'
  const breach = nameBreach(topic, limits)
  if (breach !== undefined || (first & 6) === 0) return breach
  if (reader.rest < 2) return 'malformed-publish'
  return body.readUInt16BE(topic.length + 2) === 0 ? 'packet-id-zero' : undefined
}

function filtersBreach(body: Buffer, limits: PacketLimits, { withQos }: { withQos: boolean }): Breach | undefined {
  if (body.length < 2) return 'malformed-subscribe'
  if (body.readUInt16BE(0) === 0) return 'packet-id-zero'
  const reader = fieldReader(body, 2)
  // 3.8.3-3 and 3.10.3-2: at least one.
  if (reader.rest === 0) return 'malformed-subscribe'
  for (let count = 1; reader.rest > 0; count++) {
    const filter = reader.field()
    if (filter === undefined) return 'malformed-subscribe'
    const breach = filterBreach(filter, limits)
    if (breach !== undefined) return breach
    if (withQos && !((reader.byte() ?? 3) <= 2)) return 'malformed-subscribe'
    if (count > limits.maxFilters) return 'too-many-filters'
  }
  return undefined
}

function nameBreach(topic: Buffer, limits: PacketLimits): Breach | undefined {
  return sizeBreach(topic, limits) ?? (isTopicName(topic.toString()) ? undefined : 'bad-topic')
}

function filterBreach(filter: Buffer, limits: PacketLimits): Breach | undefined {
  return sizeBreach(filter, limits) ?? (isFilter(filter.toString()) ? undefined : 'bad-topic')
}

function sizeBreach(topic: Buffer, limits: PacketLimits): Breach | undefined {
  if (!isText(topic)) return 'bad-text'
  if (topic.length > limits.maxTopicBytes || levelCount(topic.toString()) > limits.maxTopicLevels)
    return 'topic-too-long'
  return undefined
}

const unwanted = /[\p{Cc}\p{Noncharacter_Code_Point}]/u

/**
 * Well-formed UTF-8 without NUL, control characters and non-characters (1.5.3-1, 1.5.3-2; §1.5.3 lets us refuse the
 * latter two, and they have no place in a log).
 */
export function isText(bytes: Buffer): boolean {
  let plain = true
  for (const byte of bytes) {
    if (byte < 0x20 || byte === 0x7f) return false
    if (byte > 0x7f) plain = false
  }
  return plain || (isUtf8(bytes) && !unwanted.test(bytes.toString()))
}
