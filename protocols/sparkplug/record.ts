/**
 * A payload as the JSON that protobuf makes of it: every field under its name, raw. Numbers beyond 2^53 are decimal
 * texts, bytes base64.
 */
import type { Carrier, Metric, PropertyValue, SparkplugPayload } from './payload.ts'

export type PayloadRecord = Readonly<Record<string, unknown>>

/** A payload as JSON; what was left out of it is left out here. */
export function payloadRecord({ timestamp, metrics, seq, uuid, body }: SparkplugPayload): PayloadRecord {
  return {
    metrics: metrics.map(metricRecord),
    ...(timestamp === undefined ? {} : { timestamp: jsonNumber(timestamp) }),
    ...(seq === undefined ? {} : { seq: jsonNumber(seq) }),
    ...(uuid === undefined ? {} : { uuid }),
    ...(body === undefined ? {} : { body: base64(body) }),
  }
}

function metricRecord({ alias, timestamp, metadata, properties, carrier, ...plain }: Metric): PayloadRecord {
  const { name, datatype, ...flags } = plain
  return {
    ...(name === undefined ? {} : { name }),
    ...(alias === undefined ? {} : { alias: jsonNumber(alias) }),
    ...(timestamp === undefined ? {} : { timestamp: jsonNumber(timestamp) }),
    ...(datatype === undefined ? {} : { datatype }),
    ...flags,
    ...(metadata === undefined ? {} : { metadata: base64(metadata) }),
    ...(properties === undefined ? {} : { properties: propertiesRecord(properties) }),
    ...(carrier === undefined ? {} : { [carrier.field]: carriedValue(carrier) }),
  }
}

function propertiesRecord(properties: Readonly<Record<string, PropertyValue>>): PayloadRecord {
  const entries = Object.entries(properties).map(([key, value]): [string, unknown] => [
    key,
    typeof value === 'number' || typeof value === 'bigint' ? jsonNumber(value) : value,
  ])
  return Object.fromEntries(entries)
}

function carriedValue({ raw }: Carrier): unknown {
  if (raw instanceof Uint8Array) return base64(raw)
  if (typeof raw === 'bigint') return jsonNumber(raw)
  return typeof raw === 'number' ? jsonNumber(raw) : raw
}

/** As protobuf's JSON mapping has it: what JSON cannot say as a number is a text. */
export function jsonNumber(value: number | bigint): number | string {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
