/**
 * InfluxDB line protocol in: many points, one a line. As strict as InfluxData's reference reader: duplicate tags,
 * empty tag values, NaN and numbers that do not fit are refused, and with one bad line the whole text.
 */
import { byKey, type FieldValue, int64, type Pair, type Point, type Precision, uint64Most, unitNs } from './point.ts'
import { keyKind, measurementKind, type Scanner, skipSpaces, takeLineEnd, takePiece, takeQuoted } from './scanner.ts'

export interface LineOptions {
  /** Unit of the times; nanoseconds unless given. */
  readonly precision?: Precision
  /** Time of a line that has none, ns; it is cut to the precision. Without it such a line is refused. */
  readonly defaultTimeNs?: bigint | undefined
}

/** Thrown from the depth of a line and caught in `parseLines`. */
class BadLine extends Error {}

/** The points of a text. Returns a sentence with line and column when one of them is wrong. */
export function parseLines(text: string, { precision = '1ns', defaultTimeNs }: LineOptions = {}): Point[] | string {
  const scanner: Scanner = { text, at: 0 }
  const points: Point[] = []
  try {
    while (nextLine(scanner)) points.push(takePoint(scanner, { precision, defaultTimeNs }))
    return points
  } catch (error) {
    if (error instanceof BadLine) return `${placeOf(scanner)}: ${error.message}`
    throw error
  }
}

function placeOf({ text, at }: Scanner): string {
  const before = text.slice(0, at).split('\n')
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}

/** Steps over empty lines and comments. Says whether a point follows. */
function nextLine(scanner: Scanner): boolean {
  const { text } = scanner
  while (scanner.at < text.length) {
    skipSpaces(scanner)
    if (text[scanner.at] === '#') {
      takeComment(scanner)
      continue
    }
    const before = scanner.at
    if (!takeLineEnd(scanner)) return true
    if (scanner.at === before) return false
  }
  return false
}

function takeComment(scanner: Scanner): void {
  takePiece(scanner, { ends: '', escapes: '' })
  if (!takeLineEnd(scanner)) throw new BadLine('a control character in a comment')
}

function takePoint(scanner: Scanner, { precision = '1ns', defaultTimeNs }: LineOptions): Point {
  const name = takePiece(scanner, measurementKind)
  if (name === '') throw new BadLine('no measurement')
  const tags = takeTags(scanner)
  if (scanner.text[scanner.at] !== ' ') throw new BadLine('a space and fields must follow measurement and tags')
  skipSpaces(scanner)
  const fields = takeFields(scanner)
  const unit = unitNs(precision)
  const time = takeTime(scanner)
  if (time === undefined && defaultTimeNs === undefined) throw new BadLine('no time, and none was given for such lines')
  if (time === undefined) return { name, tags, fields, timeNs: truncated(defaultTimeNs ?? 0n, unit) }
  const timeNs = time * unit
  if (timeNs < int64.least || timeNs > int64.most) throw new BadLine(`time ${time} does not fit into 64 bits of ns`)
  return { name, tags, fields, timeNs }
}

/** Down to a whole unit, also before 1970. */
function truncated(timeNs: bigint, unit: bigint): bigint {
  const past = timeNs % unit
  return timeNs - (past < 0n ? past + unit : past)
}

function takeTags(scanner: Scanner): Pair<string>[] {
  const tags: Pair<string>[] = []
  while (scanner.text[scanner.at] === ',') {
    scanner.at++
    const key = takePiece(scanner, keyKind)
    if (key === '') throw new BadLine('a tag key must follow the comma')
    if (scanner.text[scanner.at] !== '=') throw new BadLine(`= must follow tag key ${key}`)
    scanner.at++
    const value = takePiece(scanner, keyKind)
    if (value === '') throw new BadLine(`tag ${key} has no value`)
    tags.push({ key, value })
  }
  tags.sort(byKey)
  const twice = tags.find(({ key }, index) => key === tags[index - 1]?.key)
  if (twice !== undefined) throw new BadLine(`tag ${twice.key} twice`)
  return tags
}

function takeFields(scanner: Scanner): Pair<FieldValue>[] {
  const fields: Pair<FieldValue>[] = []
  for (;;) {
    const key = takePiece(scanner, keyKind)
    if (key === '') throw new BadLine('no field key')
    if (scanner.text[scanner.at] !== '=') throw new BadLine(`= must follow field key ${key}`)
    scanner.at++
    fields.push({ key, value: takeValue(scanner) })
    if (scanner.text[scanner.at] !== ',') return fields
    scanner.at++
  }
}

const truths: ReadonlySet<string> = new Set(['t', 'T', 'true', 'True', 'TRUE'])
const falsehoods: ReadonlySet<string> = new Set(['f', 'F', 'false', 'False', 'FALSE'])

function takeValue(scanner: Scanner): FieldValue {
  if (scanner.text[scanner.at] === '"') {
    const value = takeQuoted(scanner)
    if (value === undefined) throw new BadLine('a text without its closing quote')
    return { type: 'string', value }
  }
  const word = takeWord(scanner)
  if (truths.has(word)) return { type: 'bool', value: true }
  if (falsehoods.has(word)) return { type: 'bool', value: false }
  return numberOf(word)
}

/** Up to a comma, a space or the end of the line. */
function takeWord(scanner: Scanner): string {
  const { text, at } = scanner
  let end = at
  while (end < text.length && !', \n\r'.includes(text.charAt(end))) end++
  scanner.at = end
  return text.slice(at, end)
}

const wholeNumber = /^-?\d+$/
const decimal = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

function numberOf(word: string): FieldValue {
  const digits = word.slice(0, -1)
  if (word.endsWith('i')) return { type: 'int', value: whole(digits, int64) }
  // A minus has no place here, not even before zero.
  if (word.endsWith('u') && !word.startsWith('-'))
    return { type: 'uint', value: whole(digits, { least: 0n, most: uint64Most }) }
  const value = Number(word)
  if (!decimal.test(word)) throw new BadLine(`${shown(word)} is no value`)
  if (!Number.isFinite(value)) throw new BadLine(`${shown(word)} does not fit into a double`)
  return { type: 'float', value }
}

function whole(digits: string, { least, most }: { least: bigint; most: bigint }): bigint {
  if (!wholeNumber.test(digits)) throw new BadLine(`${shown(digits)} is no whole number`)
  // Ten thousand digits would take a while to become a number that does not fit.
  const value = digits.replace(/^(-?)0+(?=\d)/, '$1').length > 21 ? most + 1n : BigInt(digits)
  if (value < least || value > most) throw new BadLine(`${shown(digits)} does not fit into 64 bits`)
  return value
}

function shown(word: string): string {
  return word === '' ? 'nothing' : word.slice(0, 40)
}

/** The time in units of the precision; undefined when the line has none. Steps over the end of the line. */
function takeTime(scanner: Scanner): bigint | undefined {
  const { text } = scanner
  if (takeLineEnd(scanner)) return undefined
  if (text[scanner.at] !== ' ') throw new BadLine(`${shown(text.charAt(scanner.at))} after the fields`)
  skipSpaces(scanner)
  if (takeLineEnd(scanner)) return undefined
  const time = whole(takeWord(scanner), int64)
  skipSpaces(scanner)
  if (!takeLineEnd(scanner)) throw new BadLine('something follows the time')
  return time
}
