/**
 * InfluxDB line protocol out, byte for byte as InfluxData's reference writes it. Line breaks inside a text are
 * escaped, so that whoever cuts a batch at its line breaks cuts between points.
 */
import { byKey, type FieldValue, int64, type Point, type Precision, uint64Most, unitNs } from './point.ts'
import { isControl } from './scanner.ts'

/** One line without its end. Returns a sentence when the point cannot be written so that it can be read again. */
export function formatPoint(
  { name, tags, fields, timeNs }: Point,
  { precision = '1ns' }: { precision?: Precision } = {},
): { readonly line: string } | string {
  const trouble = pointTrouble({ name, tags, fields, timeNs })
  if (trouble !== undefined) return trouble
  const key = [escaped(name, /[, ]/g), ...tags.map(({ key, value }) => `${keyText(key)}=${keyText(value)}`)].join(',')
  const values = fields.map(({ key, value }) => `${keyText(key)}=${valueText(value)}`).join(',')
  return { line: `${key} ${values} ${timeNs / unitNs(precision)}` }
}

function pointTrouble({ name, tags, fields, timeNs }: Point): string | undefined {
  const sorted = tags.toSorted(byKey)
  if (tags.some((tag, index) => tag !== sorted[index])) return 'the tags are not in the order of their keys'
  const twice = tags.find(({ key }, index) => key === tags[index - 1]?.key)
  if (twice !== undefined) return `tag ${twice.key} twice`
  if (fields.length === 0) return 'a point has at least one field'
  if (timeNs < int64.least || timeNs > int64.most) return 'the time does not fit into 64 bits of ns'
  // The reference takes a measurement that begins with # for a comment when it reads it again.
  if (name.startsWith('#')) return `a measurement must not begin with #`
  return (
    wordTrouble('measurement', name) ??
    first(tags, ({ key, value }) => wordTrouble('tag key', key) ?? wordTrouble(`value of tag ${key}`, value)) ??
    first(fields, ({ key, value }) => wordTrouble('field key', key) ?? valueTrouble(key, value))
  )
}

function first<T>(items: readonly T[], trouble: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = trouble(item)
    if (found !== undefined) return found
  }
  return undefined
}

/** A backslash at the end would escape what follows it, and cannot be read again. */
function wordTrouble(what: string, word: string): string | undefined {
  if (word === '') return `the ${what} is empty`
  if (Array.from(word).some(isControl)) return `the ${what} holds a control character`
  if (!word.isWellFormed()) return `the ${what} is no UTF-8`
  return word.endsWith('\\') ? `the ${what} ends with a backslash` : undefined
}

function valueTrouble(key: string, { type, value }: FieldValue): string | undefined {
  if (type === 'float' && !Number.isFinite(value)) return `field ${key} is not finite`
  if (type === 'int' && (value < int64.least || value > int64.most)) return `field ${key} does not fit into 64 bits`
  if (type === 'uint' && (value < 0n || value > uint64Most)) return `field ${key} does not fit into 64 bits`
  return type === 'string' && !value.isWellFormed() ? `field ${key} is no UTF-8` : undefined
}

function escaped(text: string, special: RegExp): string {
  return text.replace(special, '\\$&')
}

function keyText(text: string): string {
  return escaped(text, /[,= ]/g)
}

const stringEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function valueText({ type, value }: FieldValue): string {
  if (type === 'int') return `${value}i`
  if (type === 'uint') return `${value}u`
  if (type === 'float') return floatText(value)
  if (type === 'bool') return String(value)
  return `"${value.replace(/[\\"\n\r\t]/g, character => stringEscapes[character] ?? `\\${character}`)}"`
}

/** The shortest digits that read as the same number; with an exponent from a million on and below 0.0001. */
function floatText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e')
  const exponent = Number(exponentText)
  if (exponent >= -4 && exponent < 6) return value.toString()
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}
