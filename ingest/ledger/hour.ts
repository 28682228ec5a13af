/**
 * One hour of the ledger: a column of counts for each stage, a row for each gateway, and how far in the journal each
 * column has come. A record counts in a column once: below the column's mark it has been counted already, in this
 * life or in one before.
 */
import { deserialize, serialize } from 'node:v8'
import type { LedgerRow } from '@forewarn/contracts/ledger'
import { type RejectionReason, rejectionReasons } from '@forewarn/contracts/rejection'
import { z } from 'zod'

export const hourMs = 3_600_000

/** The hour in which a message arrived. */
export function hourOf(atMs: number): number {
  return Math.floor(atMs / hourMs) * hourMs
}

/** Counts of whole readings; `missingBatches` counts batches. */
const counters = ['acknowledged', 'journalled', 'stored', 'setAside', 'duplicates', 'missingBatches'] as const
type Counter = (typeof counters)[number]

/** What may be unknown: -1. */
const maybes = ['sent', 'dropped', 'evaluated'] as const
type Maybe = (typeof maybes)[number]

export interface HourMarks {
  /** Offset in the journal behind the last record that is counted. */
  journalled: number
  stored: number
  /** Number of the last line of the quarantine that is counted. */
  rejected: number
}

export interface Hour {
  readonly startMs: number
  readonly marks: HourMarks
  readonly counts: Readonly<Record<Counter, Uint32Array>>
  readonly maybe: Readonly<Record<Maybe, Int32Array>>
  readonly rejected: Map<RejectionReason, Uint32Array>
  /** Offset behind each gateway's last record of this hour. */
  readonly lastNext: Float64Array
  /** The rules do not know this hour as a whole. */
  evaluatedUnknown: boolean
}

/** An hour with nothing in it, for so many rows. */
export function emptyHour(startMs: number, rows: number): Hour {
  const column = () => new Uint32Array(rows)
  const unknown = () => new Int32Array(rows).fill(-1)
  return {
    startMs,
    marks: { journalled: 0, stored: 0, rejected: 0 },
    counts: {
      acknowledged: column(),
      journalled: column(),
      stored: column(),
      setAside: column(),
      duplicates: column(),
      missingBatches: column(),
    },
    maybe: { sent: unknown(), dropped: unknown(), evaluated: new Int32Array(rows) },
    rejected: new Map(),
    lastNext: new Float64Array(rows),
    evaluatedUnknown: false,
  }
}

/** Adds to a count; never below zero. */
export function add(column: Uint32Array | Int32Array, row: number, count: number): void {
  column[row] = Math.max(0, (column[row] ?? 0) + count)
}

/** Adds to what a gateway says, which is unknown until it says something. */
export function addSaid(hour: Hour, column: 'sent' | 'dropped', { row, count }: { row: number; count: number }): void {
  hour.maybe[column][row] = Math.max(0, hour.maybe[column][row] ?? 0) + count
}

/** Counts readings of a sensor (by row) that were refused. */
export function addRejected(hour: Hour, row: number, { reason, count }: { reason: RejectionReason; count: number }) {
  let column = hour.rejected.get(reason)
  if (column === undefined) {
    column = new Uint32Array(hour.lastNext.length)
    hour.rejected.set(reason, column)
  }
  add(column, row, count)
}

/** How far the store and the rules have come in the journal. */
export interface Positions {
  readonly stored: number
  readonly evaluated: number
}

/** One gateway's hour as the world sees it; `row` undefined sums up all of them. */
export function rowOf(hour: Hour, gateway: string | null, row: number | undefined): LedgerRow {
  const of = (column: Uint32Array) => (row === undefined ? sumOf(column) : (column[row] ?? 0))
  const said = (column: Int32Array) => (row === undefined ? sumOfKnown(column) : known(column[row]))
  const counted = counters.map(name => [name, of(hour.counts[name])] as const)
  const counts = z.record(z.enum(counters), z.number()).parse(Object.fromEntries(counted))
  const rejected = Object.fromEntries(
    [...hour.rejected].map(([reason, column]) => [reason, of(column)] as const).filter(([, count]) => count > 0),
  )
  const refused = Object.values(rejected).reduce((sum, count) => sum + count, 0)
  const evaluated = hour.evaluatedUnknown ? null : said(hour.maybe.evaluated)
  const { journalled, stored, setAside, acknowledged } = counts
  return {
    gateway,
    hourMs: hour.startMs,
    sent: said(hour.maybe.sent),
    dropped: said(hour.maybe.dropped),
    ...counts,
    unconfirmed: Math.max(0, journalled + refused - acknowledged),
    evaluated,
    rejected,
    waitingForStore: Math.max(0, journalled - stored - setAside),
    waitingForRules: evaluated === null ? 0 : Math.max(0, journalled - evaluated),
  }
}

function known(count: number | undefined): number | null {
  return count === undefined || count < 0 ? null : count
}

function sumOf(column: Uint32Array): number {
  let sum = 0
  for (const count of column) sum += count
  return sum
}

function sumOfKnown(column: Int32Array): number | null {
  let sum: number | null = null
  for (const count of column) if (count >= 0) sum = (sum ?? 0) + count
  return sum
}

const Words = z.custom<Uint32Array>(value => value instanceof Uint32Array)
const Signed = z.custom<Int32Array>(value => value instanceof Int32Array)
const KeptHour = z.object({
  startMs: z.number(),
  marks: z.object({ journalled: z.number(), stored: z.number(), rejected: z.number() }),
  evaluatedUnknown: z.boolean(),
  /** By row. */
  ids: z.array(z.string()),
  counts: z.record(z.enum(counters), Words),
  maybe: z.record(z.enum(maybes), Signed),
  rejected: z.map(z.enum(rejectionReasons), Words),
  lastNext: z.custom<Float64Array>(value => value instanceof Float64Array),
})

/** The hour as bytes for its file, in columns: 5,000 gateways take a millisecond and some 250 kB. */
export function encodeHour(hour: Hour, ids: readonly string[]): Uint8Array {
  return serialize({ ...hour, ids })
}

/** The hour in these bytes, its rows as they are today; gateways that have left the registry stand under the last. */
export function decodeHour(bytes: Uint8Array, rowOfId: ReadonlyMap<string, number>, rows: number): Hour {
  const kept = KeptHour.parse(deserialize(bytes))
  const hour = emptyHour(kept.startMs, rows)
  Object.assign(hour.marks, kept.marks)
  hour.evaluatedUnknown = kept.evaluatedUnknown
  for (const [before, id] of kept.ids.entries()) {
    const row = rowOfId.get(id) ?? rows - 1
    for (const name of counters) add(hour.counts[name], row, kept.counts[name][before] ?? 0)
    for (const name of maybes) hour.maybe[name][row] = together(hour.maybe[name][row], kept.maybe[name][before])
    hour.lastNext[row] = Math.max(hour.lastNext[row] ?? 0, kept.lastNext[before] ?? 0)
    for (const [reason, column] of kept.rejected)
      if ((column[before] ?? 0) > 0) addRejected(hour, row, { reason, count: column[before] ?? 0 })
  }
  return hour
}

/** Two figures of which either may be unknown. */
function together(now = -1, kept = -1): number {
  return kept < 0 ? now : Math.max(0, now) + kept
}
