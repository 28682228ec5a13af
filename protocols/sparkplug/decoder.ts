/**
 * Sparkplug B on the command line and in the vectors: one payload, or the bytes of one array. It has no memory: what
 * an alias stands for only session.ts knows.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { exactJsonOf } from '../json-text.ts'
import { type ArrayElement, type Datatype, datatypeNamed, isArray, readArray } from './datatypes.ts'
import { parseSparkplugPayload, type SparkplugPayload } from './payload.ts'
import { jsonNumber, payloadRecord } from './record.ts'
import { parseSparkplugTopic } from './topic.ts'

export const sparkplugDecoder: FrameDecoder = { protocol: 'sparkplug', standard: 'Eclipse Sparkplug B 3.0', decode }

function decode({ bytes, topic, kind, text, json }: Frame): Decoded {
  const address = topic === undefined ? undefined : parseSparkplugTopic(topic)
  if (topic !== undefined && address === undefined) return refused(`${topic} is no Sparkplug topic`)
  if (address?.message === 'STATE') return decodeState(address.host, json ?? exactJsonOf(text ?? bytes))
  if (bytes === undefined) return refused('a Sparkplug payload is bytes (protobuf)')
  const datatype = kind === undefined ? undefined : datatypeNamed(kind)
  if (datatype !== undefined && isArray(datatype)) return decodeArray(bytes, datatype)
  if (bytes.length === 0) return refused('a Sparkplug payload is not empty')
  const payload = parseSparkplugPayload(bytes)
  if (typeof payload === 'string') return refused(payload)
  const record = payloadRecord(payload)
  if (!wantsRebirth(payload, kind)) return accepted(record)
  const error = 'aliases can be read only after the birth that declared them, in sequence: ask for a rebirth'
  return { ok: true, records: [record], expect: 'accept-then-request-rebirth', error }
}

/**
 * Without the birth nobody knows what an alias stands for. Who names the kind of the frame knows its birth, unless
 * it is just that which the name says.
 */
function wantsRebirth({ metrics }: SparkplugPayload, kind: string | undefined): boolean {
  if (kind !== undefined && /before birth|\bgap\b|unknown alias/i.test(kind)) return true
  return kind === undefined && metrics.some(({ name, alias }) => name === undefined && alias !== undefined)
}

/**
 * Array examples of the 3.0 text that do not follow its own rule (little-endian, eight bytes a time): whoever sends
 * these bytes has copied the misprint, and means something else than they say.
 */
const misprints: ReadonlySet<string> = new Set([
  'Int8Array EF7B',
  'FloatArray 3F9D70A442B2AE98',
  'DoubleArray 4028B55B6805A2D7408FF74C6F1C178E',
  'DateTimeArray C7D090752401B8BAB8978101',
])

function decodeArray(bytes: Uint8Array, datatype: Datatype): Decoded {
  const hex = Buffer.from(bytes).toString('hex').toUpperCase()
  if (misprints.has(`${datatype} ${hex}`))
    return refused(
      `${hex} is a misprint of the specification: by its rule these bytes mean other values`,
      'spec-erratum',
    )
  const values = readArray(bytes, datatype)
  return typeof values === 'string' ? refused(values) : accepted({ values: values.map(jsonElement) })
}

function jsonElement(value: ArrayElement): ArrayElement {
  return typeof value === 'number' || typeof value === 'bigint' ? jsonNumber(value) : value
}

/** A host's state (3.0 §6.4.27): JSON, the only message that is no protobuf. */
function decodeState(host: string, state: unknown): Decoded {
  if (typeof state !== 'object' || state === null || !('online' in state) || typeof state.online !== 'boolean')
    return refused('a host state is JSON with online true or false')
  const timestamp = 'timestamp' in state ? state.timestamp : undefined
  if (timestamp !== undefined && typeof timestamp !== 'number') return refused('timestamp is no number of ms')
  return accepted({ host, online: state.online, ...(timestamp === undefined ? {} : { timestamp }) })
}
