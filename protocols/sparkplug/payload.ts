/**
 * The payload of a Sparkplug B message (3.0 §6.4): metrics with their values. Data sets and templates are parsed so
 * that a broken one is noticed, and not used: nothing in the house reads them.
 */
import { readFields, type WireField } from '../protobuf.ts'
import { type ArrayElement, type Datatype, datatypeOf, exact, isArray, readArray, wholeNumber } from './datatypes.ts'

export interface Metric {
  readonly name?: string
  /** Stands for the name once a birth has said so. Up to 64 bits: exact as bigint beyond 2^53. */
  readonly alias?: number | bigint
  /** UTC ms. */
  readonly timestamp?: number | bigint
  /** The number; its meaning is in datatypes.ts. */
  readonly datatype?: number
  /** Of earlier, sent after an outage: not now. */
  readonly isHistorical?: boolean
  readonly isTransient?: boolean
  readonly isNull?: boolean
  readonly metadata?: Uint8Array
  /** By name: numbers, texts, booleans. */
  readonly properties?: Readonly<Record<string, PropertyValue>>
  /** The field the value came in, as protobuf names it in JSON; absent when there is none. */
  readonly carrier?: Carrier
}

export type PropertyValue = number | bigint | boolean | string | null

export type Carrier =
  | { readonly field: 'intValue' | 'longValue'; readonly raw: bigint }
  | { readonly field: 'floatValue' | 'doubleValue'; readonly raw: number }
  | { readonly field: 'booleanValue'; readonly raw: boolean }
  | { readonly field: 'stringValue'; readonly raw: string }
  | { readonly field: 'bytesValue' | 'datasetValue' | 'templateValue' | 'extensionValue'; readonly raw: Uint8Array }

export interface SparkplugPayload {
  /** When it was sent, UTC ms. */
  readonly timestamp?: number | bigint
  readonly metrics: readonly Metric[]
  readonly seq?: number | bigint
  readonly uuid?: string
  readonly body?: Uint8Array
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Reads a payload. Returns a sentence about what is wrong when it is none. */
export function parseSparkplugPayload(bytes: Uint8Array): SparkplugPayload | string {
  const fields = readFields(bytes)
  if (typeof fields === 'string') return fields
  const metrics: Metric[] = []
  const payload: Mutable<SparkplugPayload> = { metrics }
  for (const { number, value } of fields) {
    if (number === 2) {
      const metric = value instanceof Uint8Array ? parseMetric(value) : 'is no message'
      if (typeof metric === 'string') return `metric ${metrics.length}: ${metric}`
      metrics.push(metric)
    } else if (number === 1 && typeof value === 'bigint') payload.timestamp = exact(value)
    else if (number === 3 && typeof value === 'bigint') payload.seq = exact(value)
    else if (number === 4 && value instanceof Uint8Array) payload.uuid = Buffer.from(value).toString()
    else if (number === 5 && value instanceof Uint8Array) payload.body = value
    else if (number < 6) return `field ${number} of the payload has the wrong wire type`
  }
  return payload
}

function parseMetric(bytes: Uint8Array): Metric | string {
  const fields = readFields(bytes)
  if (typeof fields === 'string') return fields
  const metric: Mutable<Metric> = {}
  for (const field of fields) {
    const trouble = field.number < 10 ? takeAttribute(metric, field) : takeValue(metric, field)
    if (trouble !== undefined) return trouble
  }
  return valueTrouble(metric) ?? metric
}

function takeAttribute(metric: Mutable<Metric>, { number, value }: WireField): string | undefined {
  const isNumber = typeof value === 'bigint'
  if (isNumber === (number === 1 || number === 8 || number === 9)) return `field ${number} has the wrong wire type`
  if (value instanceof Uint8Array) {
    if (number === 1) return takeText(value, text => void (metric.name = text))
    if (number === 8) metric.metadata = value
    if (number === 9) return takeProperties(metric, value)
    return undefined
  }
  if (number === 2) metric.alias = exact(value)
  if (number === 3) metric.timestamp = exact(value)
  if (number === 4) metric.datatype = Number(BigInt.asUintN(32, value))
  if (number === 5) metric.isHistorical = value !== 0n
  if (number === 6) metric.isTransient = value !== 0n
  if (number === 7) metric.isNull = value !== 0n
  return undefined
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function takeText(bytes: Uint8Array, take: (text: string) => void): string | undefined {
  try {
    take(utf8.decode(bytes))
    return undefined
  } catch {
    return 'a text is no UTF-8' // the caller refuses the message with these words
  }
}

function takeValue(metric: Mutable<Metric>, { number, value }: WireField): string | undefined {
  if (number > 19) return undefined
  const carrier = typeof value === 'bigint' ? numberCarrier(number, value) : bytesCarrier(number, value)
  if (carrier === undefined) return `value field ${number} has the wrong wire type`
  if (typeof carrier === 'string') return carrier
  metric.carrier = carrier
  return undefined
}

function numberCarrier(number: number, value: bigint): Carrier | undefined {
  if (number === 10) return { field: 'intValue', raw: BigInt.asUintN(32, value) }
  if (number === 11) return { field: 'longValue', raw: value }
  if (number === 12) return { field: 'floatValue', raw: bitsView(value).getFloat32(4) }
  if (number === 13) return { field: 'doubleValue', raw: bitsView(value).getFloat64(0) }
  return number === 14 ? { field: 'booleanValue', raw: value !== 0n } : undefined
}

function bitsView(bits: bigint): DataView {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, bits)
  return view
}

function bytesCarrier(number: number, raw: Uint8Array): Carrier | string | undefined {
  if (number === 15) {
    let text = ''
    return takeText(raw, read => void (text = read)) ?? { field: 'stringValue', raw: text }
  }
  if (number === 16) return { field: 'bytesValue', raw }
  if (number === 17 || number === 18) {
    const fields = readFields(raw)
    if (typeof fields === 'string') return `${number === 17 ? 'data set' : 'template'}: ${fields}`
    return { field: number === 17 ? 'datasetValue' : 'templateValue', raw }
  }
  return number === 19 ? { field: 'extensionValue', raw } : undefined
}

/** A set of properties: keys (1) and values (2) side by side. */
function takeProperties(metric: Mutable<Metric>, bytes: Uint8Array): string | undefined {
  const fields = readFields(bytes)
  if (typeof fields === 'string') return `properties: ${fields}`
  const keys = fields.flatMap(({ number, value }) => (number === 1 && value instanceof Uint8Array ? [value] : []))
  const values = fields.flatMap(({ number, value }) => (number === 2 && value instanceof Uint8Array ? [value] : []))
  if (keys.length !== values.length) return `properties: ${keys.length} keys and ${values.length} values`
  const entries: [string, PropertyValue][] = []
  for (const [index, key] of keys.entries()) {
    const value = propertyOf(values[index] ?? new Uint8Array())
    if (value !== undefined) entries.push([Buffer.from(key).toString(), value])
  }
  metric.properties = Object.fromEntries(entries)
  return undefined
}

/** The value of a property; sets within sets are passed over. */
function propertyOf(bytes: Uint8Array): PropertyValue | undefined {
  const fields = readFields(bytes)
  if (typeof fields === 'string') return undefined
  const datatype = fields.find(({ number }) => number === 1)?.value
  const type = typeof datatype === 'bigint' ? datatypeOf(Number(datatype)) : undefined
  for (const { number, value } of fields) {
    if (number === 2 && value === 1n) return null
    if (typeof value === 'bigint') {
      if (number === 3 || number === 4) return wholeNumber(value, type)
      const carrier = number > 4 && number < 8 ? numberCarrier(number + 7, value) : undefined
      if (carrier !== undefined && !(carrier.raw instanceof Uint8Array)) return carrier.raw
    } else if (number === 8) return Buffer.from(value).toString()
  }
  return undefined
}

/** An array that its bytes do not hold: the metric cannot be believed. */
function valueTrouble({ datatype, carrier, name, alias }: Metric): string | undefined {
  const type = datatype === undefined ? undefined : datatypeOf(datatype)
  if (type === undefined || !isArray(type) || carrier?.field !== 'bytesValue') return undefined
  const values = readArray(carrier.raw, type)
  return typeof values === 'string' ? `${name ?? `alias ${alias}`}: ${values}` : undefined
}

export type MetricValue = number | bigint | boolean | string | Uint8Array | readonly ArrayElement[] | null

/**
 * What a metric says, by its data type: numbers with their sign, arrays unpacked, null when it is null. `datatype`
 * is the birth's when the message leaves it out. Undefined when there is no value, or a data set or template.
 */
export function metricValue(metric: Metric, datatype: Datatype | undefined): MetricValue | undefined {
  const { isNull, carrier } = metric
  if (isNull) return null
  if (carrier === undefined) return undefined
  if (carrier.field === 'intValue' || carrier.field === 'longValue') {
    const whole = wholeNumber(carrier.raw, datatype)
    return datatype === 'Boolean' ? whole !== 0 : whole
  }
  if (carrier.field === 'bytesValue') {
    if (datatype === undefined || !isArray(datatype)) return carrier.raw
    const values = readArray(carrier.raw, datatype)
    return typeof values === 'string' ? undefined : values
  }
  return carrier.raw instanceof Uint8Array ? undefined : carrier.raw
}
