/**
 * SenML JSON (RFC 8428): what gateways send. Base fields are resolved here, so that inside the house a record
 * is a name, a time and a value. Every reading of the district crosses this file: no schema library, no closure
 * and no copy per record.
 */
import { type Quality, qualities, qualityCode } from './reading.ts'

/** One resolved record. `timeMs` is undefined when the pack gave no time: then the time of arrival counts. */
export interface SenmlRecord {
  readonly name: string
  readonly unit: string | undefined
  readonly timeMs: number | undefined
  /** Numbers as they are, booleans as 0 and 1. Not always finite: JSON can say 1e999, and a missing one is NaN. */
  readonly value: number
  /** Our extension field `fwq`: the code of contracts/reading.ts, 0 (good) when the record says nothing. */
  readonly quality: number
  /** Its place in the pack, from 0. */
  readonly index: number
}

/** A record that could not be read; the others of its pack still count. */
export interface SenmlFault {
  readonly index: number
  readonly detail: string
}

export interface SenmlPack {
  readonly records: SenmlRecord[]
  readonly faults: SenmlFault[]
  /** The gateway's batch number: our extension field `fwseq` on the first record; -1 when absent. */
  readonly sequence: number
  /** Our extension field `fwbacklog`: the batch waited in the outbox while the uplink was down. */
  readonly backlog: boolean
}

type Entry = Readonly<Record<string, unknown>>

/** RFC 8428 §4.5.3: times below 2^28 s are relative to now. */
const absoluteFromS = 2 ** 28

/**
 * Reads a SenML JSON pack. `receivedAtMs` resolves relative times (RFC 8428 §4.5.3).
 * Returns 'not-senml' when it is no pack at all; a bad record inside a good pack is a fault of its own.
 */
export function parseSenml(bytes: Uint8Array, receivedAtMs: number): SenmlPack | 'not-senml' {
  const text = decoded(bytes)
  const entries = text === undefined ? undefined : parseJson(text)
  if (text === undefined || !Array.isArray(entries)) return 'not-senml'
  // RFC 8428 §4.4: a field whose name ends in _ must be understood. No key can end so in a text without `_"`,
  // unless it is written with escapes; looking once at the text spares looking at every key.
  return resolved(entries, { suspect: text.includes('_"') || text.includes('\\'), receivedAtMs })
}

/** As `parseSenml`, for a pack that came in another coding (CBOR) and has its fields by their names in JSON. */
export function resolveSenml(entries: readonly unknown[], receivedAtMs: number): SenmlPack | 'not-senml' {
  return resolved(entries, { suspect: true, receivedAtMs })
}

function resolved(
  entries: readonly unknown[],
  { suspect, receivedAtMs }: Pick<Surroundings, 'suspect' | 'receivedAtMs'>,
): SenmlPack | 'not-senml' {
  if (entries.length === 0) return 'not-senml'
  const pack = emptyPack(entries[0])
  const base: Base = { name: '', timeS: 0, hasTime: false, value: 0, unit: undefined }
  for (let index = 0; index < entries.length; index++) {
    const entry: unknown = entries[index]
    if (!isEntry(entry)) return 'not-senml'
    const fault = resolveRecord(entry, base, { pack, index, suspect, receivedAtMs })
    if (fault !== undefined) pack.faults.push({ index, detail: fault })
  }
  return pack
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined // not UTF-8: no JSON text (RFC 8259 §8.1), which the caller reports
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // no JSON, which the caller reports
  }
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function emptyPack(first: unknown): SenmlPack {
  const { fwseq, fwbacklog }: Entry = isEntry(first) ? first : {}
  const sequence = Number.isSafeInteger(fwseq) ? Number(fwseq) : -1
  return { records: [], faults: [], sequence, backlog: fwbacklog === true }
}

interface Base {
  name: string
  timeS: number
  hasTime: boolean
  value: number
  unit: string | undefined
}

interface Surroundings {
  readonly pack: SenmlPack
  readonly index: number
  /** The pack may hold field names that must be understood. */
  readonly suspect: boolean
  readonly receivedAtMs: number
}

/** Adds the record to the pack, unless it only sets base fields. Returns a sentence when something is wrong with it. */
function resolveRecord(entry: Entry, base: Base, around: Surroundings): string | undefined {
  const refusal = around.suspect ? mustUnderstand(entry) : undefined
  if (refusal !== undefined) return refusal
  const { bn, bt, bv, bu, bver } = entry
  if (bn !== undefined || bt !== undefined || bv !== undefined || bu !== undefined || bver !== undefined) {
    const wrong = takeBase(entry, base)
    if (wrong !== undefined) return wrong
  }
  const { n, v, vb, t, u, fwq } = entry
  if (n !== undefined && typeof n !== 'string') return `n is no text: ${shown(n)}`
  const name = n === undefined ? base.name : base.name + n
  const quality = fwq === undefined ? qualityCode.good : qualityOfField(fwq)
  if (quality === undefined) return `record "${name}": fwq is no quality: ${shown(fwq)}`
  let value: number
  if (typeof v === 'number') value = base.value + v
  else if (typeof vb === 'boolean' && v === undefined) value = vb ? 1 : 0
  else if (quality >= qualityCode.missing && (v === undefined || v === null)) value = Number.NaN
  else return withoutValue(entry, name)
  if (name === '') return 'a record without a name (neither bn nor n)'
  // CBOR can write NaN, which would be neither too old nor too new.
  if (t !== undefined && (typeof t !== 'number' || Number.isNaN(t))) return `t is no number: ${shown(t)}`
  const unit = typeof u === 'string' ? u : base.unit
  const timeMs = timeMsOf(base, t, around.receivedAtMs)
  around.pack.records.push({ name, unit, timeMs, value, quality, index: around.index })
  return undefined
}

/** The code, when it is one of ours; undefined for anything else. */
function qualityOfField(fwq: unknown): number | undefined {
  return typeof fwq === 'number' && qualities[fwq] !== undefined ? fwq : undefined
}

function mustUnderstand(entry: Entry): string | undefined {
  for (const key in entry) if (key.endsWith('_')) return `field ${key} must be understood, and is not`
  return undefined
}

function takeBase({ bn, bt, bv, bu, bver }: Entry, base: Base): string | undefined {
  if (bver !== undefined && (typeof bver !== 'number' || bver > 10))
    return `SenML version ${shown(bver)} is newer than 10`
  if (bn !== undefined) {
    if (typeof bn !== 'string') return `bn is no text: ${shown(bn)}`
    base.name = bn
  }
  if (bt !== undefined) {
    if (typeof bt !== 'number' || Number.isNaN(bt)) return `bt is no number: ${shown(bt)}`
    base.timeS = bt
    base.hasTime = true
  }
  if (bv !== undefined) {
    if (typeof bv !== 'number') return `bv is no number: ${shown(bv)}`
    base.value = bv
  }
  if (typeof bu === 'string') base.unit = bu
  return undefined
}

/** What to say of a record without a usable value; nothing when it only sets base fields. */
function withoutValue(entry: Entry, name: string): string | undefined {
  const { v, vb } = entry
  if (v !== undefined) return `record "${name}": v is no number: ${shown(v)}`
  if (vb !== undefined) return `record "${name}": vb is neither true nor false: ${shown(vb)}`
  return isBaseOnly(entry) ? undefined : `record "${name}" has no v or vb`
}

function isBaseOnly(entry: Entry): boolean {
  return Object.keys(entry).every(key => key.startsWith('b') || key.startsWith('fw'))
}

function timeMsOf(base: Base, time: number | undefined, receivedAtMs: number): number | undefined {
  if (!base.hasTime && time === undefined) return undefined
  const seconds = base.timeS + (time ?? 0)
  // Whole milliseconds: 1276020076.001 s × 1000 is a little more or less than one.
  return Math.round(seconds < absoluteFromS ? receivedAtMs + seconds * 1000 : seconds * 1000)
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 60) ?? String(value)
}

/** What `formatSenml` takes: readings of one gateway, already in the unit of their quantity. */
export interface SenmlReading {
  readonly name: string
  readonly timeMs: number
  readonly value: number
  /** As the device named it, when it did: passed on so that a wrong unit is caught where the registry is. */
  readonly unit?: string | undefined
  /** What the device or its agent knows of it; good when left out. One that is missing may have NaN for a value. */
  readonly quality?: Quality | undefined
}

/** Writes readings as one SenML JSON pack; base time is the first reading's, so that the rest stay short. */
export function formatSenml(
  readings: readonly SenmlReading[],
  { sequence, backlog = false }: { sequence?: number; backlog?: boolean } = {},
): string {
  const baseMs = readings[0]?.timeMs ?? 0
  const records = readings.map(({ name, timeMs, value, unit, quality = 'good' }, index) => ({
    ...(index === 0 ? { bt: baseMs / 1000, ...(sequence === undefined ? {} : { fwseq: sequence }) } : {}),
    ...(index === 0 && backlog ? { fwbacklog: true } : {}),
    n: name,
    ...(unit === undefined ? {} : { u: unit }),
    ...(timeMs === baseMs ? {} : { t: (timeMs - baseMs) / 1000 }),
    // JSON has no NaN: a reading without a value says so by its quality.
    ...(Number.isNaN(value) ? {} : { v: value }),
    ...(quality === 'good' ? {} : { fwq: qualityCode[quality] }),
  }))
  return JSON.stringify(records)
}
