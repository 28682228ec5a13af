/**
 * SenML JSON (RFC 8428): what gateways send. Base fields are resolved here, so that inside the house a record
 * is a name, a time and a value.
 */
import { z } from 'zod'

/** One resolved record. `timeMs` is undefined when the pack gave no time: then the time of arrival counts. */
export interface SenmlRecord {
  readonly name: string
  readonly unit: string | undefined
  readonly timeMs: number | undefined
  /** Numbers as they are, booleans as 0 and 1. */
  readonly value: number
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

const Pack = z.array(z.record(z.string(), z.unknown())).min(1)

/** RFC 8428 §4.5.3: times below 2^28 s are relative to now. */
const absoluteFromS = 2 ** 28

/**
 * Reads a SenML JSON pack. `receivedAtMs` resolves relative times (RFC 8428 §4.5.3).
 * Returns 'not-senml' when it is no pack at all; a bad record inside a good pack is a fault of its own.
 */
export function parseSenml(bytes: Uint8Array, receivedAtMs: number): SenmlPack | 'not-senml' {
  const json = parseJson(bytes)
  if (!Array.isArray(json) || json.length === 0) return 'not-senml'
  const pack = Pack.safeParse(json)
  if (!pack.success) return 'not-senml'
  return resolve(pack.data, receivedAtMs)
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes))
  } catch {
    return undefined
  }
}

interface Base {
  name: string
  timeS: number
  hasTime: boolean
  value: number
  unit: string | undefined
}

function resolve(raw: Record<string, unknown>[], receivedAtMs: number): SenmlPack {
  const base: Base = { name: '', timeS: 0, hasTime: false, value: 0, unit: undefined }
  const records: SenmlRecord[] = []
  const faults: SenmlFault[] = []
  for (const [index, entry] of raw.entries()) {
    const record = resolveRecord(entry, base, receivedAtMs)
    if (record === undefined) continue
    if (typeof record === 'string') faults.push({ index, detail: record })
    else records.push(record)
  }
  const first = raw[0]
  const sequence = first !== undefined && Number.isSafeInteger(first['fwseq']) ? Number(first['fwseq']) : -1
  return { records, faults, sequence, backlog: first?.['fwbacklog'] === true }
}

/** A record, a sentence saying what is wrong with it, or undefined for one that only sets base fields. */
function resolveRecord(
  entry: Record<string, unknown>,
  base: Base,
  receivedAtMs: number,
): SenmlRecord | string | undefined {
  const refusal = takeBase(entry, base)
  if (refusal !== undefined) return refusal
  const local = entry['n']
  if (local !== undefined && typeof local !== 'string') return `n is no text: ${shown(local)}`
  const name = base.name + (local ?? '')
  const value = valueOf(entry, base.value)
  if (value === undefined) return isBaseOnly(entry) ? undefined : `record "${name}" has no v or vb`
  if (typeof value === 'string') return `record "${name}": ${value}`
  if (name === '') return 'a record without a name (neither bn nor n)'
  const time = entry['t']
  if (time !== undefined && typeof time !== 'number') return `t is no number: ${shown(time)}`
  const unit = typeof entry['u'] === 'string' ? entry['u'] : base.unit
  return { name, unit, value, timeMs: timeMsOf(base, time, receivedAtMs) }
}

function takeBase(entry: Record<string, unknown>, base: Base): string | undefined {
  const { bn, bt, bv, bu, bver } = entry
  // RFC 8428 §4.4: a field name ending in _ that is not understood means the pack must not be processed.
  const must = Object.keys(entry).find(key => key.endsWith('_'))
  if (must !== undefined) return `field ${must} must be understood, and is not`
  if (bver !== undefined && (typeof bver !== 'number' || bver > 10))
    return `SenML version ${shown(bver)} is newer than 10`
  if (bn !== undefined) {
    if (typeof bn !== 'string') return `bn is no text: ${shown(bn)}`
    base.name = bn
  }
  if (bt !== undefined) {
    if (typeof bt !== 'number') return `bt is no number: ${shown(bt)}`
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

function valueOf(entry: Record<string, unknown>, baseValue: number): number | string | undefined {
  const { v, vb } = entry
  if (typeof v === 'number') return baseValue + v
  if (typeof vb === 'boolean') return vb ? 1 : 0
  if (v !== undefined) return `v is no number: ${shown(v)}`
  if (vb !== undefined) return `vb is neither true nor false: ${shown(vb)}`
  return undefined
}

function isBaseOnly(entry: Record<string, unknown>): boolean {
  return Object.keys(entry).every(key => key.startsWith('b') || key.startsWith('fw'))
}

function timeMsOf(base: Base, time: number | undefined, receivedAtMs: number): number | undefined {
  if (!base.hasTime && time === undefined) return undefined
  const seconds = base.timeS + (time ?? 0)
  return seconds < absoluteFromS ? receivedAtMs + seconds * 1000 : seconds * 1000
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
}

/** Writes readings as one SenML JSON pack; base time is the first reading's, so that the rest stay short. */
export function formatSenml(
  readings: readonly SenmlReading[],
  { sequence, backlog = false }: { sequence?: number; backlog?: boolean } = {},
): string {
  const baseMs = readings[0]?.timeMs ?? 0
  const records = readings.map(({ name, timeMs, value, unit }, index) => ({
    ...(index === 0 ? { bt: baseMs / 1000, ...(sequence === undefined ? {} : { fwseq: sequence }) } : {}),
    ...(index === 0 && backlog ? { fwbacklog: true } : {}),
    n: name,
    ...(unit === undefined ? {} : { u: unit }),
    ...(timeMs === baseMs ? {} : { t: (timeMs - baseMs) / 1000 }),
    v: value,
  }))
  return JSON.stringify(records)
}
