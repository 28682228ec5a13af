/**
 * The ledger at work: follows the journal for itself, hears the other stages, compares them, and writes down what it
 * has counted. Its consumer holds the journal until that is on disk: after a crash the rest is counted again from it.
 */
import type { District } from '@forewarn/contracts/district'
import type { Check } from '@forewarn/contracts/health'
import type { EvaluatedTally, LedgerReport } from '@forewarn/contracts/ledger'
import type { JournalConsumer } from '@forewarn/journal/journal'
import type { KeptBatch, ReadingJournal } from '@forewarn/journal/reading-journal'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import { type ImbalanceWatch, watchImbalances } from './balance.ts'
import type { Said } from './gateway-totals.ts'
import { hourMs, hourOf } from './hour.ts'
import { type LedgerFiles, openLedgerFiles } from './ledger-files.ts'
import { type CountedRecord, type CountedRejection, Tallies } from './tallies.ts'

export interface LedgerOptions {
  readonly dir: string
  readonly district: District
  readonly journal: Pick<ReadingJournal, 'readBatches' | 'consumer' | 'figures'>
  /** Lines of the quarantine that were there at the start. */
  readonly rejections: readonly CountedRejection[]
  /** Offset behind a record that was set aside at some time → its readings. */
  readonly setAside: ReadonlyMap<number, number>
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** How often it is written down and compared, wall ms. */
  readonly everyMs?: number
  /** How long counts may disagree, in the house's time; default one minute of the wall clock. */
  readonly graceMs?: number
}

type CountedKept = Pick<KeptBatch, 'next' | 'batch' | 'origin'>

export interface PassedByStore {
  readonly kept: CountedKept
  /** The store can never take it. */
  readonly setAside: boolean
}

/** What has changed in the rules' tally behind an offset; rejects when they do not answer. */
export type AskRules = (since: number) => Promise<EvaluatedTally>

export interface Ledger {
  acknowledged(gateway: string, atMs: number, readings: number): void
  rejected(rejection: CountedRejection): void
  cameEmpty(gateway: string, sequence: number, atMs: number): void
  said(gateway: string, said: Said, atMs: number): void
  stored(passed: readonly PassedByStore[]): void
  /** From now on the rules are asked what they have judged. */
  watchRules(ask: AskRules): void
  report(options: { readonly hours: number; readonly gateway?: string | undefined }): Promise<LedgerReport>
  check(): Check
  /** Asks the rules, compares, and writes down: what it does by itself from time to time. */
  settle(): Promise<void>
  /** After the writer has stopped. Writes down once more. */
  stop(): Promise<void>
}

/** Opens the ledger and counts from the journal what a crash kept it from writing down. */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const tallies = new Tallies(options.district.gateways.map(({ id }) => id))
  const onDamage = (file: string, cause: unknown) =>
    options.log.error('ledger-file-damaged', { file, reason: String(cause) })
  const files = openLedgerFiles(options.dir, onDamage)
  await files.load(tallies)
  const consumer = options.journal.consumer('ledger')
  for (const rejection of options.rejections) tallies.rejected(rejection)
  await catchUp(tallies, options)
  return new RunningLedger(options, { tallies, files, consumer })
}

/** What the store had passed and the journal had taken before this start, and the ledger had not written down. */
async function catchUp(tallies: Tallies, { journal, setAside, district }: LedgerOptions): Promise<void> {
  const { endOffset, consumers } = journal.figures()
  const storedUpTo = consumers.find(({ name }) => name === 'store')?.position ?? 0
  if (tallies.marks.stored < storedUpTo) {
    for await (const group of journal.readBatches({ from: tallies.marks.stored, follow: false })) {
      for (const one of group) {
        const record = one.next <= storedUpTo ? countedOf(one, district) : undefined
        if (record !== undefined) tallies.stored(record, setAside.get(one.next) ?? strangersIn(one))
      }
      if ((group.at(-1)?.next ?? 0) > storedUpTo) break
    }
  }
  if (tallies.marks.followed >= endOffset) return
  for await (const group of journal.readBatches({ from: tallies.marks.followed, follow: false }))
    follow(group, tallies, district)
}

function follow(group: readonly KeptBatch[], tallies: Tallies, district: District): void {
  for (const one of group) {
    const record = countedOf(one, district)
    if (record !== undefined) tallies.journalled(record)
    tallies.marks.followed = Math.max(tallies.marks.followed, one.next)
  }
}

/** Undefined for a record that is no batch: the writer sets it aside, and it holds no readings that anybody knows of. */
function countedOf(kept: CountedKept, { gateways }: District): CountedRecord | undefined {
  const { next, batch, origin } = kept
  if (batch === undefined) return undefined
  const { receivedAtMs, sequence } = batch
  const gateway = origin?.gateway ?? gateways[batch.gateway]?.id ?? ''
  return { next, gateway, receivedAtMs, sequence, readings: origin?.readings ?? batch.sensor.length }
}

/** Readings whose sensors have left the registry since they were written: no store can take them. */
function strangersIn({ batch, origin }: CountedKept): number {
  return origin === undefined ? 0 : origin.readings - (batch?.sensor.length ?? 0)
}

interface LedgerParts {
  readonly tallies: Tallies
  readonly files: LedgerFiles
  readonly consumer: JournalConsumer
}

class RunningLedger implements Ledger {
  readonly #options: LedgerOptions
  readonly #parts: LedgerParts
  readonly #watch: ImbalanceWatch
  readonly #graceMs: number
  readonly #stopping = new AbortController()
  readonly #following: Promise<void>
  readonly #timer: NodeJS.Timeout
  readonly #gauge
  #settling: Promise<void> | undefined
  #trouble: string | undefined
  #rules: AskRules | undefined
  #rulesSince = 0

  constructor(options: LedgerOptions, parts: LedgerParts) {
    this.#options = options
    this.#parts = parts
    this.#graceMs = options.graceMs ?? 60_000 * Math.max(1, options.clock.speed)
    this.#watch = watchImbalances(this.#graceMs)
    this.#gauge = options.metrics.gauge('forewarn_ledger_imbalance_readings', 'Readings that stages disagree about', [
      'stage',
    ])
    this.#following = this.#follow()
    this.#timer = setInterval(() => void this.settle(), options.everyMs ?? 5000)
    this.#timer.unref()
  }

  acknowledged(gateway: string, atMs: number, readings: number): void {
    if (readings > 0) this.#parts.tallies.acknowledged(gateway, atMs, readings)
  }

  rejected(rejection: CountedRejection): void {
    this.#parts.tallies.rejected(rejection)
  }

  cameEmpty(gateway: string, sequence: number, atMs: number): void {
    this.#parts.tallies.cameEmpty(gateway, sequence, atMs)
  }

  said(gateway: string, said: Said, atMs: number): void {
    this.#parts.tallies.said(gateway, said, atMs)
  }

  stored(passed: readonly PassedByStore[]): void {
    const { tallies } = this.#parts
    for (const { kept, setAside } of passed) {
      const counted = countedOf(kept, this.#options.district)
      if (counted !== undefined) tallies.stored(counted, setAside ? counted.readings : strangersIn(kept))
      tallies.marks.stored = Math.max(tallies.marks.stored, kept.next)
    }
  }

  watchRules(ask: AskRules): void {
    this.#rules = ask
  }

  async report({ hours, gateway }: { hours: number; gateway?: string | undefined }): Promise<LedgerReport> {
    const { tallies, files } = this.#parts
    const atMs = this.#options.clock.nowMs()
    const report: LedgerReport = { atMs, rows: [], imbalances: this.#watch.standing(), graceMs: this.#graceMs }
    for (let back = 0; back < hours; back++) {
      const startMs = hourOf(atMs) - back * hourMs
      const hour = tallies.hours.get(startMs) ?? (await files.hour(startMs, tallies))
      const row = hour === undefined ? undefined : tallies.row(hour, gateway)
      if (row !== undefined) report.rows.push(row)
    }
    return report
  }

  check(): Check {
    const [first, ...others] = this.#watch.standing()
    if (first === undefined && this.#trouble !== undefined) {
      const detail = `the counts cannot be written down: ${this.#trouble}`
      return { name: 'ledger', status: 'warning', detail, remedy: 'look at the disk of the data folder' }
    }
    if (first === undefined) return { name: 'ledger', status: 'ok', detail: 'every count agrees', remedy: '' }
    const { gateway, stage, readings } = first
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`
    const what = readings > 0 ? `${readings} readings missing` : `${-readings} readings counted twice`
    const hour = new Date(first.hourMs).toISOString().slice(0, 13)
    const detail = `${what} at the stage ${stage}, of gateway ${gateway} in hour ${hour}Z${more}`
    const remedy = 'forewarn ledger --gateway shows the counts; keep the data folder as it is, and tell the makers'
    return { name: 'ledger', status: 'failed', detail, remedy }
  }

  settle(): Promise<void> {
    this.#settling ??= this.#settleOnce().finally(() => {
      this.#settling = undefined
    })
    return this.#settling
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#settling
    this.#stopping.abort()
    await this.#following
    await this.settle()
  }

  async #settleOnce(): Promise<void> {
    const { log, clock, journal } = this.#options
    const { tallies, files, consumer } = this.#parts
    await this.#askRules()
    this.#compare()
    const kept = Math.min(tallies.marks.followed, tallies.marks.stored)
    try {
      await files.save(tallies)
      await consumer.checkpoint(kept)
      tallies.forgetOld(clock.nowMs())
      this.#trouble = undefined
    } catch (cause) {
      // The first word of it, not one line every five seconds.
      if (this.#trouble === undefined) log.error('ledger-not-kept', { reason: String(cause) })
      this.#trouble = String(cause)
      const { bytes, maxBytes } = journal.figures()
      // Readings before counts: a ledger that cannot be written must not fill the journal until nobody is acknowledged.
      if (bytes > maxBytes / 4) await consumer.checkpoint(kept).catch(() => undefined)
    }
  }

  #compare(): void {
    const { tallies } = this.#parts
    const { journal, clock, log } = this.#options
    // Whoever is acknowledged lies before the end of the journal: without having read that far, nothing is missing.
    if (tallies.marks.followed < journal.figures().endOffset) return
    for (const { gateway, hourMs: startMs, stage, readings } of this.#watch.look(tallies.differences(), clock.nowMs()))
      log.error('ledger-imbalance', { gateway, hour: new Date(startMs).toISOString(), stage, readings })
    this.#gauge.reset()
    for (const { stage, readings } of this.#watch.standing()) this.#gauge.inc({ stage }, Math.abs(readings))
  }

  async #askRules(): Promise<void> {
    if (this.#rules === undefined || this.#stopping.signal.aborted) return
    try {
      const tally = await this.#rules(this.#rulesSince)
      this.#parts.tallies.evaluated(tally)
      // Rules that began again from an older state count the hours since then anew.
      this.#rulesSince = tally.position
    } catch (cause) {
      this.#options.log.debug('rules-not-asked', { reason: String(cause) })
    }
  }

  /** A disk that cannot be read now is read again at the next settling, from the same place. */
  async #follow(): Promise<void> {
    const { tallies } = this.#parts
    const { journal, district, log } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        const groups = journal.readBatches({ from: tallies.marks.followed, follow: true, signal })
        for await (const group of groups) follow(group, tallies, district)
        return
      } catch (cause) {
        log.error('journal-not-followed', { reason: String(cause) })
        await new Promise(resolve => setTimeout(resolve, 1000))
      }
    }
  }
}
