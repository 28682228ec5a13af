/**
 * A SenML pack (RFC 8428) resolved in full: texts and sums as well as numbers, in the resolved form of §4.6. The
 * numbers that the house stores take the faster way of contracts/senml.ts; a test holds both to the same answers.
 */
import type { SenmlEntry } from './cbor-pack.ts'

/** One record in resolved form. `t` in seconds since 1970, UTC; without a time in the pack or of arrival it has none. */
export interface ResolvedRecord {
  readonly n: string
  readonly u?: string
  readonly t?: number
  readonly v?: number
  readonly vs?: string
  readonly vb?: boolean
  readonly s?: number
  readonly ut?: number
}

export interface ResolvedPack {
  readonly resolved: readonly ResolvedRecord[]
  /** Records that could not be read, by their place in the pack, each with a sentence. */
  readonly faults: readonly { readonly index: number; readonly detail: string }[]
}

/** RFC 8428 §4.5.3: times below 2^28 s are relative to now. */
const absoluteFromS = 2 ** 28
/** RFC 8428 §4.4. */
const ourVersion = 10

interface Base {
  readonly name: string
  readonly timeS: number | undefined
  readonly unit: string | undefined
  readonly value: number | undefined
  readonly sum: number | undefined
}

/** Resolves the records of a pack. Returns a sentence when the pack as a whole must not be processed (§4.4). */
export function resolvePack(entries: readonly unknown[], receivedAtMs: number | undefined): ResolvedPack | string {
  if (entries.length === 0) return 'the pack is empty'
  let base: Base = { name: '', timeS: undefined, unit: undefined, value: undefined, sum: undefined }
  const resolved: ResolvedRecord[] = []
  const faults: { index: number; detail: string }[] = []
  for (const [index, entry] of entries.entries()) {
    if (!isEntry(entry)) return `record ${index} is no object`
    const refusal = wholeRefusal(entry)
    if (refusal !== undefined) return `record ${index}: ${refusal}`
    const next = basedOn(entry, base)
    if (typeof next === 'string') {
      faults.push({ index, detail: next })
      continue
    }
    base = next
    const record = resolveRecord(entry, base, receivedAtMs)
    if (typeof record === 'string') faults.push({ index, detail: record })
    else if (record !== undefined) resolved.push(record)
  }
  return { resolved, faults }
}

function isEntry(value: unknown): value is SenmlEntry {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wholeRefusal(entry: SenmlEntry): string | undefined {
  const key = Object.keys(entry).find(name => name.endsWith('_'))
  if (key !== undefined) return `field ${key} must be understood, and is not`
  const { bver } = entry
  if (bver === undefined) return undefined
  if (typeof bver !== 'number' || !Number.isInteger(bver) || bver < 1) return 'bver is no version number'
  return bver > ourVersion ? `SenML version ${bver} is newer than ${ourVersion}` : undefined
}

function basedOn(entry: SenmlEntry, base: Base): Base | string {
  const { bn = base.name, bt = base.timeS, bu = base.unit, bv = base.value, bs = base.sum } = entry
  if (typeof bn !== 'string') return 'bn is no text'
  if (typeof bt !== 'number' && bt !== undefined) return 'bt is no number'
  if (typeof bu !== 'string' && bu !== undefined) return 'bu is no text'
  if (typeof bv !== 'number' && bv !== undefined) return 'bv is no number'
  if (typeof bs !== 'number' && bs !== undefined) return 'bs is no number'
  return { name: bn, timeS: bt, unit: bu, value: bv, sum: bs }
}

/** The record, a sentence about what is wrong with it, or nothing when it only sets base fields or holds data. */
function resolveRecord(
  entry: SenmlEntry,
  base: Base,
  receivedAtMs: number | undefined,
): ResolvedRecord | string | undefined {
  const { n = '', t, u = base.unit, ut } = entry
  if (typeof n !== 'string') return 'n is no text'
  if (t !== undefined && typeof t !== 'number') return 't is no number'
  if (ut !== undefined && typeof ut !== 'number') return 'ut is no number'
  if (u !== undefined && typeof u !== 'string') return 'u is no text'
  const values = valuesOf(entry, base)
  if (values === undefined || typeof values === 'string') return values
  const name = base.name + n
  if (name === '') return 'a record without a name (neither bn nor n)'
  const timeS = timeOf(base.timeS, t, receivedAtMs)
  if (![timeS ?? 0, ut ?? 0].every(Number.isFinite)) return 'a time that is not finite'
  return {
    n: name,
    ...(u === undefined ? {} : { u }),
    ...(timeS === undefined ? {} : { t: timeS }),
    ...values,
    ...(ut === undefined ? {} : { ut }),
  }
}

type Values = Pick<ResolvedRecord, 'v' | 'vs' | 'vb' | 's'>

function valuesOf(entry: SenmlEntry, base: Base): Values | string | undefined {
  const { v, vs, vb, vd, s } = entry
  const given = [v, vs, vb, vd].filter(value => value !== undefined)
  if (given.length > 1) return 'more than one of v, vs, vb and vd'
  if (s !== undefined && typeof s !== 'number') return 's is no number'
  const sum = s === undefined && base.sum === undefined ? {} : { s: (base.sum ?? 0) + (s ?? 0) }
  if (typeof v === 'number') return finite({ v: (base.value ?? 0) + v, ...sum })
  if (typeof vs === 'string') return { vs, ...sum }
  if (typeof vb === 'boolean') return { vb, ...sum }
  if (given.length > 0 && typeof vd !== 'string') return 'a value of the wrong kind'
  // Data (vd) is bytes for someone else: no reading, and so not in what the house resolves.
  if (typeof vd === 'string') return undefined
  if (s !== undefined) return finite(sum)
  const onlyBase = Object.keys(entry).every(key => key.startsWith('b') || key.startsWith('fw'))
  return onlyBase ? undefined : 'no value: none of v, vs, vb, vd and s'
}

/** CBOR can write what is no number, and JSON what is too large for one. */
function finite(values: Values): Values | string {
  return [values.v, values.s].every(value => value === undefined || Number.isFinite(value)) ? values : 'not finite'
}

function timeOf(
  baseS: number | undefined,
  recordS: number | undefined,
  receivedAtMs: number | undefined,
): number | undefined {
  const seconds = (baseS ?? 0) + (recordS ?? 0)
  // Also when it is no number, which the caller refuses.
  if (!(seconds < absoluteFromS)) return wholeMicroseconds(seconds)
  return receivedAtMs === undefined ? undefined : wholeMicroseconds(receivedAtMs / 1000 + seconds)
}

/** A double holds some 0.2 µs at these times: what lies behind is the noise of the sum. */
function wholeMicroseconds(seconds: number): number {
  const rounded = Math.round(seconds * 1e6) / 1e6
  return Number.isFinite(rounded) ? rounded : seconds
}
