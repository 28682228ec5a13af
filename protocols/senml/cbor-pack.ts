/**
 * SenML in CBOR (RFC 8428 §6): the same records as in JSON under numbers for names. They get their JSON names here,
 * so that one resolver serves both.
 */
import { resolveSenml, type SenmlPack } from '@forewarn/contracts/senml'
import { type CborValue, readCbor } from '../cbor.ts'

/** RFC 8428 table 4. */
const labels: ReadonlyMap<CborValue, string> = new Map([
  [-1, 'bver'],
  [-2, 'bn'],
  [-3, 'bt'],
  [-4, 'bu'],
  [-5, 'bv'],
  [-6, 'bs'],
  [0, 'n'],
  [1, 'u'],
  [2, 'v'],
  [3, 'vs'],
  [4, 'vb'],
  [5, 's'],
  [6, 't'],
  [7, 'ut'],
  [8, 'vd'],
])

export type SenmlEntry = Readonly<Record<string, unknown>>

/** As `parseSenml`, for a pack in CBOR: numeric records, times in UTC ms, `receivedAtMs` for relative times. */
export function parseSenmlCbor(bytes: Uint8Array, receivedAtMs: number): SenmlPack | 'not-senml' {
  const entries = cborEntries(bytes)
  return typeof entries === 'string' ? 'not-senml' : resolveSenml(entries, receivedAtMs)
}

/** The records of a CBOR pack with their fields by their JSON names; a sentence when it is no pack. */
export function cborEntries(bytes: Uint8Array): SenmlEntry[] | string {
  const read = readCbor(bytes)
  if (typeof read === 'string') return `no CBOR: ${read}`
  if (!Array.isArray(read.value)) return 'the CBOR item is no array of records'
  const entries: SenmlEntry[] = []
  for (const [index, record] of read.value.entries()) {
    if (!(record instanceof Map)) return `record ${index} is no map`
    entries.push(entryOf(record))
  }
  return entries
}

function entryOf(record: ReadonlyMap<CborValue, CborValue>): SenmlEntry {
  const fields = [...record].map(([label, value]): [string, unknown] => [
    // A number that RFC 8428 does not list is some later extension, which a reader passes over (§4.4).
    labels.get(label) ?? (typeof label === 'object' ? 'label' : String(label)),
    fieldValue(value),
  ])
  return Object.fromEntries(fields)
}

/** Bytes as JSON writes them (§4.3: base64url without padding), numbers as JSON has them. */
function fieldValue(value: CborValue): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64url')
  return typeof value === 'bigint' ? Number(value) : value
}
