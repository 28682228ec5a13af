/**
 * Journal → store, in batches, with a checkpoint behind what the store has committed. A store that fails is tried
 * again for ever, later and later; a batch that it can never take is set aside on disk so that the others go on.
 */
import type { ReadingBatch } from '@forewarn/contracts/reading'
import { decodeBatch } from '@forewarn/journal/batch-codec'
import type { JournalConsumer, JournalRecord } from '@forewarn/journal/journal'
import type { ReadingJournal } from '@forewarn/journal/reading-journal'
import type { Log } from '@forewarn/runtime/log'
import type { ReadingStore } from '@forewarn/store/reading-store'
import type { IngestCounts } from './counts.ts'
import type { KeptLines } from './kept-lines.ts'

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
  readonly next: number
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
    this.#parts = { gatherMs: 250, gatherReadings: 20_000, backOffMs: { first: 100, longest: 15_000 }, ...parts }
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
        for await (const one of journal.read({ from, follow: true, signal: this.#stopping.signal })) {
          from = one.next
          await this.#take(one)
        }
        return
      } catch (cause) {
        log.error('journal-not-read', { from, reason: String(cause) })
        await this.#pause(backOffMs.longest)
      }
    }
  }

  /** No further ahead of the store than two groups. */
  async #take(one: JournalRecord): Promise<void> {
    const { gatherReadings } = this.#parts
    const batch = await this.#decoded(one)
    if (batch === undefined) return
    this.#add({ batch, next: one.next })
    while (this.#readings >= 2 * gatherReadings && !this.#isStopping()) await this.#change()
  }

  /** A record that is no batch is set aside: it must not stop those behind it. */
  async #decoded({ offset, record }: JournalRecord): Promise<ReadingBatch | undefined> {
    try {
      return decodeBatch(record)
    } catch (cause) {
      const { setAside, counts, log } = this.#parts
      log.error('record-set-aside', { offset, reason: String(cause) })
      await setAside.add({ reason: String(cause), offset, record: Buffer.from(record).toString('base64') })
      counts.setAside(1)
      return undefined
    }
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
    const { store, counts, log } = this.#parts
    try {
      await this.#storeAll(store, group)
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
      .checkpoint(group.at(-1)?.next ?? 0)
      .catch((cause: unknown) => log.error('checkpoint-failed', { reason: String(cause) }))
    return true
  }

  async #storeAll(store: ReadingStore, group: readonly Waiting[]): Promise<void> {
    try {
      await store.write(group.map(({ batch }) => batch))
    } catch (cause) {
      if (!mayBePoison(cause)) throw cause
      await this.#storeOneByOne(store, group, cause)
    }
    this.#parts.counts.stored(readingsIn(group))
  }

  /** One batch of the group is not to the store's taste: find it. When it takes none at all, it is the store. */
  async #storeOneByOne(store: ReadingStore, group: readonly Waiting[], cause: unknown): Promise<void> {
    const refused: { readonly batch: ReadingBatch; readonly reason: string }[] = []
    for (const { batch } of group) {
      try {
        await store.write([batch])
      } catch (error) {
        if (!mayBePoison(error)) throw error
        refused.push({ batch, reason: String(error) })
      }
    }
    if (refused.length === group.length && !(cause instanceof RangeError)) throw cause
    const { setAside, counts, log } = this.#parts
    for (const { batch, reason } of refused) {
      await setAside.add({ reason, ...rowsOf(batch) })
      counts.setAside(1)
      log.error('batch-set-aside', { reason, gateway: batch.gateway, readings: batch.sensor.length })
    }
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
