/** Rows of a CSV file as readings: columns by name or number, the time, the numbers, and what is wrong with a row. */
import type { SenmlReading } from '@forewarn/contracts/senml'
import { readingOrMissing } from '../said-missing.ts'
import type { Column, CsvProfile, CsvSensor } from './profile.ts'
import { timeReader } from './row-time.ts'

export interface ReadRow {
  readonly readings: readonly SenmlReading[]
  /** What is wrong with the row or one of its fields, in sentences. */
  readonly faults: readonly string[]
  /** Cells that say that there was no measurement. */
  readonly empty: number
}

export type RowReader = (line: string) => ReadRow

/** The fields of a line. Quoted fields may hold the separator; a line end they may not (none of the loggers writes one). */
export function fieldsOf(line: string, separator: string): string[] {
  const fields: string[] = []
  let field = ''
  let quoted = false
  for (let at = 0; at < line.length; at++) {
    const char = line[at] ?? ''
    if (quoted && char === '"' && line[at + 1] === '"') {
      field += '"'
      at++
    } else if (char === '"' && (quoted || field.trim() === '')) quoted = !quoted
    else if (char === separator && !quoted) {
      fields.push(field)
      field = ''
    } else field += char
  }
  return [...fields, field].map(text => text.trim())
}

/** `names` are the fields of the first line, where there is one. Returns what is missing when a column is not there. */
export function rowReader(profile: CsvProfile, names: readonly string[] | undefined): RowReader | string {
  const missing = new Set<string>()
  const place = (column: Column) => {
    const at = typeof column === 'number' ? column - 1 : (names?.indexOf(column) ?? -1)
    if (at < 0) missing.add(String(column))
    return at
  }
  const timePlaces = [profile.time.column].flat().map(place)
  const sensors = profile.sensors.map(sensor => {
    const { column, when } = sensor
    return { sensor, at: place(column), ...(when && { when: { at: place(when.column), is: when.is } }) }
  })
  if (missing.size > 0) return `there is no column ${[...missing].join(', ')}; there are ${names?.join(', ')}`
  const readTime = timeReader(profile.time)
  return line => {
    const fields = fieldsOf(line, profile.separator)
    const timeText = timePlaces.map(at => fields[at] ?? '').join(' ')
    const atMs = readTime(timeText)
    if (atMs === undefined) return { readings: [], faults: [`"${timeText}" is no time`], empty: 0 }
    return readCells(sensors, fields, { atMs, decimalComma: profile.decimalComma })
  }
}

interface PlacedSensor {
  readonly sensor: CsvSensor
  readonly at: number
  readonly when?: { readonly at: number; readonly is: string }
}

function readCells(
  sensors: readonly PlacedSensor[],
  fields: readonly string[],
  { atMs, decimalComma }: { atMs: number; decimalComma: boolean },
): ReadRow {
  const readings: SenmlReading[] = []
  const faults: string[] = []
  let empty = 0
  for (const { sensor, at, when } of sensors) {
    if (when !== undefined && fields[when.at] !== when.is) continue
    const text = fields[at]
    const raw = numberOf(text, decimalComma)
    if (typeof raw === 'number') readings.push(readingOrMissing(sensor, raw, atMs))
    else if (text === undefined) faults.push(`there is no column ${sensor.column} in this row`)
    else if (raw === 'no-number') faults.push(`"${text}" in column ${sensor.column} is no number`)
    else empty++
  }
  return { readings, faults, empty }
}

function numberOf(text: string | undefined, decimalComma: boolean): number | 'nothing' | 'no-number' {
  if (text === undefined || text === '' || /^(nan|null|na|n\/a|-+)$/i.test(text)) return 'nothing'
  const plain = decimalComma ? text.replaceAll('.', '').replace(',', '.') : text
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : 'no-number'
}
