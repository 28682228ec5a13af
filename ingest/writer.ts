/**
 * Journal → store, in batches, with a checkpoint behind what the store has committed. A store that fails is tried
 * again for ever, later and later; a batch that it can never take is set aside on disk so that the others go on.
 */
import type { ReadingBatch } from '@forewarn/contracts/reading'
import type { JournalConsumer } from '@forewarn/journal/journal'
import type { KeptBatch, ReadingJournal } from '@forewarn/journal/reading-journal'
import type { Log } from '@forewarn/runtime/log'
import type { ReadingStore } from '@forewarn/store/reading-store'
import type { IngestCounts } from './counts.ts'
import type { KeptLines } from './kept-lines.ts'
import type { Ledger } from './ledger/ledger.ts'

export interface StoreWriter {
  /** When the oldest reading that is in the journal and not in the store arrived, UTC ms; undefined when none is. */
  oldestWaitingMs(): number | undefined
  /** What the store said when it last failed; undefined while it takes what it is given. */
  trouble(): string | undefined
  /** One more try for what waits, then the end; the rest stays in the journal. */
  stop(): Promise<void>
}

export interface WriterParts {
  readonly journal: ReadingJournal
  readonly store: ReadingStore
  /** Where batches go that the store can never take. */
  readonly setAside: KeptLines
  readonly counts: IngestCounts
  readonly log: Log
  /** Told what the store has passed, once that is behind the checkpoint. */
  readonly ledger: Pick<Ledger, 'stored'>
  /** How long readings wait for company, ms on the wall clock. */
  readonly gatherMs?: number
  /** Readings that make a write at once. */
  readonly gatherReadings?: number
  /** First and longest pause before the store is tried again, ms on the wall clock. */
  readonly backOffMs?: { readonly first: number; readonly longest: number }
}

export function startWriter(parts: WriterParts): StoreWriter {
  const writer = new Writer(parts)
  const running = Promise.all([writer.read(), writer.write()])
  return {
    oldestWaitingMs: () => writer.oldestWaitingMs(),
    trouble: () => writer.trouble,
    async stop() {
      writer.stop()
      await running
    },
  }
}

interface Waiting {
  readonly batch: ReadingBatch
  readonly record: KeptBatch
}

class Writer {
  readonly #parts: Required<WriterParts>
  readonly #stopping = new AbortController()
  #waiting: Waiting[] = []
  #readings = 0
  /** Someone waits: the writer for a full or old enough group, the reader for room. */
  #onChange: (() => void)[] = []
  #gatherTimer: NodeJS.Timeout | undefined
  #isDue = false
  readonly #consumer: JournalConsumer
  trouble: string | undefined

  constructor(parts: WriterParts) {
    this.#parts = { gatherMs: 250, gatherReadings: 50_000, backOffMs: { first: 100, longest: 15_000 }, ...parts }
    this.#consumer = parts.journal.consumer('store')
  }

  oldestWaitingMs(): number | undefined {
    return this.#waiting[0]?.batch.receivedAtMs
  }

  stop(): void {
    this.#stopping.abort()
    this.#gatherAnew()
    this.#changed()
  }

  /** From the journal into memory. A disk that cannot be read now is read again later, from the same place. */
  async read(): Promise<void> {
    const { journal, log, backOffMs } = this.#parts
    let from = this.#consumer.position()
    while (!this.#isStopping()) {
      try {
        for await (const records of journal.readBatches({ from, follow: true, signal: this.#stopping.signal }))
          for (const one of records) {
            from = one.next
            if (this.#mustWaitFor(one)) await this.#take(one)
            else if (one.batch !== undefined) this.#add({ batch: one.batch, record: one })
            if (this.#isStopping()) return
          }
        return
      } catch (cause) {
        log.error('journal-not-read', { from, reason: String(cause) })
        await this.#pause(backOffMs.longest)
      }
    }
  }

  /** Asked first, because waiting costs a turn for each record. */
  #mustWaitFor({ batch }: KeptBatch): boolean {
    return batch === undefined || this.#readings + batch.sensor.length >= 2 * this.#parts.gatherReadings
  }

  async #take(record: KeptBatch): Promise<void> {
    const { batch, unreadable } = record
    if (unreadable !== undefined) await this.#setRecordAside(record.offset, unreadable)
    if (batch !== undefined) this.#add({ batch, record })
    // No further ahead of the store than two groups.
    while (this.#readings >= 2 * this.#parts.gatherReadings && !this.#isStopping()) await this.#change()
  }

  /** A record that is no batch must not stop those behind it. */
  async #setRecordAside(offset: number, { record, reason }: NonNullable<KeptBatch['unreadable']>): Promise<void> {
    const { setAside, counts, log } = this.#parts
    log.error('record-set-aside', { offset, reason })
    await setAside.add({ reason, offset, record: Buffer.from(record).toString('base64') })
    counts.setAside(1)
  }

  #add(one: Waiting): void {
    const { gatherMs, gatherReadings } = this.#parts
    this.#waiting.push(one)
    this.#readings += one.batch.sensor.length
    this.#gatherTimer ??= setTimeout(() => this.#due(), gatherMs)
    if (this.#readings >= gatherReadings) this.#due()
  }

  #due(): void {
    clearTimeout(this.#gatherTimer)
    this.#isDue = true
    this.#changed()
  }

  #gatherAnew(): void {
    clearTimeout(this.#gatherTimer)
    this.#gatherTimer = undefined
    this.#isDue = false
  }

  /** From memory into the store, group by group. */
  async write(): Promise<void> {
    while (!this.#isStopping()) {
      while (!this.#isDue && !this.#isStopping()) await this.#change()
      await this.#writeWaiting()
    }
  }

  async #writeWaiting(): Promise<void> {
    const { first, longest } = this.#parts.backOffMs
    for (let pauseMs = first; ; pauseMs = Math.min(longest, pauseMs * 2)) {
      this.#gatherAnew()
      if (this.#waiting.length === 0) return
      const group = this.#waiting.slice()
      if (await this.#writeGroup(group)) return this.#forget(group)
      if (this.#isStopping()) return
      await this.#pause(pauseMs * (0.75 + Math.random() / 2))
    }
  }

  async #writeGroup(group: readonly Waiting[]): Promise<boolean> {
    const { store, counts, log, ledger } = this.#parts
    let refused: ReadonlySet<ReadingBatch>
    try {
      refused = await this.#storeAll(store, group)
      if (this.trouble !== undefined) log.info('store-recovered')
      this.trouble = undefined
    } catch (cause) {
      counts.storeFailed()
      // The first and the last word on an outage, not one line per try.
      if (this.trouble === undefined) log.error('store-failed', { reason: String(cause), batches: group.length })
      this.trouble = String(cause)
      return false
    }
    // A lost checkpoint only means that these are written again: same sensor and time, same row.
    await this.#consumer
      .checkpoint(group.at(-1)?.record.next ?? 0)
      .catch((cause: unknown) => log.error('checkpoint-failed', { reason: String(cause) }))
    ledger.stored(group.map(({ record, batch }) => ({ kept: record, setAside: refused.has(batch) })))
    return true
  }

  /** Resolves with the batches that were set aside. */
  async #storeAll(store: ReadingStore, group: readonly Waiting[]): Promise<ReadonlySet<ReadingBatch>> {
    let refused: ReadonlySet<ReadingBatch> = new Set()
    try {
      await store.write(group.map(({ batch }) => batch))
    } catch (cause) {
      if (!mayBePoison(cause)) throw cause
      refused = await this.#storeOneByOne(store, group, cause)
    }
    this.#parts.counts.stored(readingsIn(group))
    return refused
  }

  /** One batch of the group is not to the store's taste: find it. When it takes none at all, it is the store. */
  async #storeOneByOne(
    store: ReadingStore,
    group: readonly Waiting[],
    cause: unknown,
  ): Promise<ReadonlySet<ReadingBatch>> {
    const refused = new Map<Waiting, string>()
    for (const one of group) {
      try {
        await store.write([one.batch])
      } catch (error) {
        if (!mayBePoison(error)) throw error
        refused.set(one, String(error))
      }
    }
    if (refused.size === group.length && !(cause instanceof RangeError)) throw cause
    const { setAside, counts, log } = this.#parts
    for (const [{ batch, record }, reason] of refused) {
      await setAside.add({ reason, next: record.next, ...rowsOf(batch) })
      counts.setAside(1)
      log.error('batch-set-aside', { reason, gateway: batch.gateway, readings: batch.sensor.length })
    }
    return new Set(Array.from(refused.keys(), ({ batch }) => batch))
  }

  #forget(group: readonly Waiting[]): void {
    this.#waiting = this.#waiting.slice(group.length)
    this.#readings -= readingsIn(group)
    // What came meanwhile gathers its own company.
    if (this.#waiting.length > 0) this.#gatherTimer ??= setTimeout(() => this.#due(), this.#parts.gatherMs)
    this.#changed()
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  #change(): Promise<void> {
    return new Promise(resolve => this.#onChange.push(resolve))
  }

  #changed(): void {
    const waiting = this.#onChange
    this.#onChange = []
    for (const resolve of waiting) resolve()
  }

  async #pause(forMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const { signal } = this.#stopping
    await new Promise<void>(resolve => {
      timer = setTimeout(resolve, forMs)
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    clearTimeout(timer)
  }
}

/** The store is well and says that these readings are not: a sensor it does not know, a value it refuses. */
function mayBePoison(cause: unknown): boolean {
  return cause instanceof RangeError || (cause instanceof Error && 'code' in cause && cause.code === 'store-refused')
}

function readingsIn(group: readonly Waiting[]): number {
  let readings = 0
  for (const { batch } of group) readings += batch.sensor.length
  return readings
}

/** A batch as JSON can hold it. */
function rowsOf({ gateway, receivedAtMs, sequence, ...columns }: ReadingBatch) {
  const { sensor, measuredAtMs, value, quality } = columns
  return {
    gateway,
    receivedAtMs,
    sequence,
    sensor: [...sensor],
    measuredAtMs: [...measuredAtMs],
    value: [...value],
    quality: [...quality],
  }
}
