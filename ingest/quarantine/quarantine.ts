/**
 * What was refused or kept aside, with its original, where a person can look at it, put it right and let it go. On
 * disk before it is acknowledged, bounded, counted by reason. Decisions are lines behind the entries they speak of.
 */
import type { QuarantineReport } from '@forewarn/contracts/health'
import { QuarantineDecision, QuarantineEntry } from '@forewarn/contracts/quarantine'
import type { Rejection, RejectionReason } from '@forewarn/contracts/rejection'
import { z } from 'zod'
import { openKeptLines } from '../kept-lines.ts'

/** What is to be kept: the original as it came, or the part of it that was refused. */
export interface Refusal extends Pick<Rejection, 'reason' | 'atMs' | 'gateway' | 'topic' | 'detail' | 'kept'> {
  readonly payload: Uint8Array
  /** Places of the records that are meant; undefined for all of it. */
  readonly records?: readonly number[] | undefined
}

export interface Quarantine {
  /** Resolves with its number once it is on disk. `readings` says how many it stands for. */
  add(refusal: Refusal, readings: number): Promise<number>
  report(): QuarantineReport
  /** One entry whole; undefined when there is none of that id, or its file was dropped since. */
  entry(id: string): QuarantineEntry | undefined
  /** Ids that wait for a decision, of one gateway and reason, oldest first; the newest 10,000 of all are remembered. */
  waiting(which: { readonly gateway: string; readonly reason: RejectionReason }): string[]
  /** Notes that a release has begun, with what goes into the journal: a crash in between is made good at the next start. */
  begin(begun: BegunRelease): Promise<void>
  /** Releases that were begun and not decided. */
  begun(): BegunRelease[]
  decide(id: string, decision: QuarantineDecision): Promise<void>
  /** When the last one came in, UTC ms; undefined when there is none. */
  newestAtMs(): number | undefined
  filesDropped(): number
  close(): Promise<void>
}

const shownAtMost = 100
const shownBytes = 4096
const originalAtMostBytes = 1024 * 1024
const waitingAtMost = 10_000

const Line = QuarantineEntry.omit({ state: true, decision: true }).extend({
  // Lines of the time before there were ids have neither.
  id: z.string().optional(),
  encoding: z.enum(['text', 'base64']).default('text'),
})
type Line = z.infer<typeof Line>

/** The readings of a release, by names that outlast a change of the registry. */
const ReleasedRows = z.object({
  gateway: z.string(),
  receivedAtMs: z.number(),
  sequence: z.number(),
  sensor: z.array(z.string()),
  measuredAtMs: z.array(z.number()),
  /** null for a reading without a value. */
  value: z.array(z.number().nullable()),
  quality: z.array(z.number()),
})
export type ReleasedRows = z.infer<typeof ReleasedRows>

const BegunRelease = z.object({
  begun: z.string(),
  by: z.string(),
  atMs: z.number(),
  note: z.string().optional(),
  /** End of the journal then: what was appended is behind it. */
  fromOffset: z.number(),
  rows: ReleasedRows,
})
export type BegunRelease = Readonly<z.infer<typeof BegunRelease>>

const Decided = QuarantineDecision.extend({ decided: z.string() })

/** A line that was found at the start, as the ledger counts it. */
export interface QuarantineLine extends Pick<Rejection, 'gateway' | 'atMs' | 'reason' | 'kept'> {
  /** Of its id; -1 on lines of the time before there were ids. */
  readonly number: number
  readonly readings: number
}

export interface QuarantineOptions {
  readonly dir: string
  /** Told of every entry that is already there, oldest first. */
  readonly onFound?: (line: QuarantineLine) => void
  readonly fileMaxBytes?: number
  readonly maxFiles?: number
}

/** Opens the quarantine in `dir`; what earlier lives kept there is counted again. */
export async function openQuarantine({
  dir,
  fileMaxBytes = 8 * 1024 * 1024,
  maxFiles = 16,
  onFound,
}: QuarantineOptions): Promise<Quarantine> {
  const memory = new Memory(onFound)
  const lines = await openKeptLines({
    dir,
    fileMaxBytes,
    maxFiles,
    onFound: (found, file) => memory.found(found, file),
  })
  return {
    async add({ payload, records, ...refusal }, readings) {
      const id = memory.nextId()
      const line: Line = { ...refusal, id, readings, ...originalOf(payload), ...(records && { records: [...records] }) }
      memory.note(line, await lines.add(line))
      return Number(id)
    },
    report: () => memory.report(),
    entry(id) {
      const file = memory.fileOf(id)
      // Inside an original the quotes would be escaped.
      const line = file === undefined ? undefined : asLine(lines.find(file, `"id":${JSON.stringify(id)}`))
      return line === undefined ? undefined : { ...line, id, ...memory.fateOf(id) }
    },
    waiting: ({ gateway, reason }) => memory.waitingOf(gateway, reason),
    async begin(begun) {
      await lines.add(begun)
      memory.begin(begun)
    },
    begun: () => memory.begun(),
    async decide(id, decision) {
      await lines.add({ decided: id, ...decision })
      memory.decide(id, decision)
    },
    newestAtMs: () => memory.newestAtMs(),
    filesDropped: () => lines.filesDropped(),
    close: () => lines.close(),
  }
}

function asLine(found: unknown): Line | undefined {
  const line = Line.safeParse(found)
  return line.success ? line.data : undefined
}

/** What is known of the lines on disk: how many, which file an id is in, what became of it. */
class Memory {
  readonly #counts: Partial<Record<RejectionReason, number>> = {}
  readonly #newest: Rejection[] = []
  readonly #decisions = new Map<string, QuarantineDecision>()
  readonly #begun = new Map<string, BegunRelease>()
  /** Id → whose and why. */
  readonly #waiting = new Map<string, string>()
  readonly #waitingOf = new Map<string, Set<string>>()
  /** The first id of each file: ids count up, and so do files. */
  readonly #firstIds: { readonly file: number; readonly first: number }[] = []
  readonly #onFound: QuarantineOptions['onFound']
  #lastId = 0

  constructor(onFound: QuarantineOptions['onFound']) {
    this.#onFound = onFound
  }

  nextId(): string {
    return String(++this.#lastId)
  }

  found(line: unknown, file: number): void {
    const entry = asLine(line)
    if (entry !== undefined) {
      this.#onFound?.({ ...entry, number: entry.id === undefined ? -1 : Number(entry.id) })
      return this.note(entry, file)
    }
    const decided = Decided.safeParse(line)
    if (decided.success) {
      const { decided: id, ...decision } = decided.data
      return this.decide(id, decision)
    }
    const begun = BegunRelease.safeParse(line)
    if (begun.success) this.begin(begun.data)
  }

  note({ readings, encoding: _, records: __, ...entry }: Line, file: number): void {
    const { reason, id, gateway, kept, original } = entry
    this.#counts[reason] = (this.#counts[reason] ?? 0) + readings
    this.#newest.unshift({ ...entry, original: shownOf(original) })
    this.#newest.length = Math.min(this.#newest.length, shownAtMost)
    if (id === undefined) return
    const number = Number(id)
    this.#lastId = Math.max(this.#lastId, number)
    if ((this.#firstIds.at(-1)?.file ?? 0) < file) this.#firstIds.push({ file, first: number })
    // What counts already needs no decision.
    if (!kept) this.#wait(id, keyOf(gateway, reason))
    if (this.#waiting.size > waitingAtMost) this.#waitNoMore(this.#waiting.keys().next().value ?? '')
  }

  #wait(id: string, key: string): void {
    this.#waiting.set(id, key)
    const ids = this.#waitingOf.get(key) ?? new Set()
    this.#waitingOf.set(key, ids.add(id))
  }

  #waitNoMore(id: string): void {
    const key = this.#waiting.get(id) ?? ''
    this.#waiting.delete(id)
    const ids = this.#waitingOf.get(key)
    ids?.delete(id)
    if (ids?.size === 0) this.#waitingOf.delete(key)
  }

  fileOf(id: string): number | undefined {
    const number = Number(id)
    return this.#firstIds.findLast(({ first }) => first <= number)?.file
  }

  begin(begun: BegunRelease): void {
    this.#begun.set(begun.begun, begun)
  }

  begun(): BegunRelease[] {
    return [...this.#begun.values()]
  }

  decide(id: string, decision: QuarantineDecision): void {
    this.#decisions.set(id, decision)
    this.#begun.delete(id)
    this.#waitNoMore(id)
  }

  fateOf(id: string) {
    const decision = this.#decisions.get(id)
    return decision === undefined ? { state: 'waiting' as const } : { state: decision.as, decision }
  }

  waitingOf(gateway: string, reason: RejectionReason): string[] {
    return [...(this.#waitingOf.get(keyOf(gateway, reason)) ?? [])]
  }

  newestAtMs(): number | undefined {
    return this.#newest[0]?.atMs
  }

  report(): QuarantineReport {
    const newest = this.#newest.map(one => (one.id === undefined ? one : { ...one, state: this.fateOf(one.id).state }))
    return { counts: { ...this.#counts }, newest }
  }
}

function keyOf(gateway: string, reason: RejectionReason): string {
  return `${gateway} ${reason}`
}

/** The original as it is kept: text where it is text, else base64. */
export function originalOf(payload: Uint8Array): { original: string; encoding: 'text' | 'base64' } {
  const cut = payload.subarray(0, originalAtMostBytes)
  try {
    // A character that the cut went through must not turn text into base64: `stream` keeps it back.
    const stream = payload.length > cut.length
    return {
      original: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(cut, { stream }),
      encoding: 'text',
    }
  } catch {
    return { original: Buffer.from(cut).toString('base64'), encoding: 'base64' } // no text
  }
}

/** The payload that an entry kept. */
export function payloadOf({ original, encoding }: Pick<QuarantineEntry, 'original' | 'encoding'>): Uint8Array {
  return Buffer.from(original, encoding === 'text' ? 'utf8' : 'base64')
}

/** A list shows the beginning. */
function shownOf(original: string): string {
  return original.length <= shownBytes ? original : original.slice(0, shownBytes)
}
