/**
 * A journal of reading batches: what it gives back always means today's registry, whatever its order was when the
 * batch was written (see registry-editions.ts). The house opens this one; consumers decode its records with
 * batch-codec and ask no further.
 */
import type { ReadingBatch } from '@forewarn/contracts/reading'
import type { WrittenRecord } from './appender.ts'
import {
  type BatchSource,
  batchSource,
  decodeBatch,
  editionOf,
  encodeBatch,
  isBatch,
  setEdition,
} from './batch-codec.ts'
import { type Journal, type JournalOptions, type JournalRecord, openJournal, type ReadOptions } from './journal.ts'
import { type RecentRecords, recentRecords } from './recent-records.ts'
import {
  type EditionShelf,
  fileShelf,
  openEditions,
  type RegistryEditions,
  type RegistryOrder,
  type Translation,
} from './registry-editions.ts'

/** A record of the journal, decoded. Its batch is shared between all who read it: nobody may change it. */
export interface KeptBatch extends Pick<JournalRecord, 'offset' | 'next' | 'origin'> {
  /** Undefined for a record that holds none; `unreadable` says why. */
  readonly batch: ReadingBatch | undefined
  readonly unreadable?: { readonly record: Uint8Array; readonly reason: string }
}

export interface ReadingJournal extends Journal {
  /**
   * Adds a batch and resolves once it is on disk. The batch must never be changed again: consumers are given the
   * same columns. Rejects like `append`.
   */
  appendBatch(batch: ReadingBatch): Promise<unknown>
  /** What `read` gives, decoded, several records at a time; the newest come from memory and were never encoded. */
  readBatches(options: ReadOptions): AsyncIterable<readonly KeptBatch[]>
  /** Readings passed over because their sensor is not in the registry any more, since it was opened. */
  strangers(): number
}

/** Batches in memory for those who read at the end, counted as bytes of the journal. */
const recentBytes = 8 * 1024 * 1024

/**
 * Opens the journal of a district's readings. `append` takes what `encodeBatch` wrote, and only that.
 * A batch whose sensors have all left the registry comes back with no rows.
 */
export async function openReadingJournal({
  registry,
  ...options
}: JournalOptions & { readonly registry: RegistryOrder }): Promise<ReadingJournal> {
  return await readingJournalOn(registry, async onWritten => ({
    // The newest are kept as batches here, not as bytes there.
    journal: await openJournal({ recentBytes: 0, ...options, onWritten }),
    shelf: fileShelf(options.dir),
  }))
}

/** A journal of readings on whichever journal `open` gives; it must tell what was written before those who wait. */
export async function readingJournalOn(
  registry: RegistryOrder,
  open: (onWritten: (records: readonly WrittenRecord[]) => void) => Promise<{ journal: Journal; shelf: EditionShelf }>,
): Promise<ReadingJournal> {
  const recent = recentRecords<KeptBatch>({ maxBytes: recentBytes })
  const { journal, shelf } = await open(records => recent.add(records.map(keptFrom)))
  const editions = openEditions(shelf, registry, journal.figures())
  await shelf.settled?.()
  let strangers = 0
  const passOver = (count: number) => {
    strangers += count
  }
  const today: Today = { editions, registry, passOver }
  return {
    ...journal,
    append(encoded) {
      setEdition(encoded, editions.current)
      return journal.append(encoded)
    },
    appendBatch: batch => journal.appendShared(new EditedBatch(batch, editions.current)),
    read: options => readToday(journal.read(options), today),
    readBatches: options => batchesFrom(options, { ...today, journal, recent }),
    strangers: () => strangers,
  }
}

/** A batch on its way to disk, with the edition that its numbers mean. */
class EditedBatch implements BatchSource {
  readonly batch: ReadingBatch
  readonly length: number
  readonly #source: BatchSource
  readonly #edition: number

  constructor(batch: ReadingBatch, edition: number) {
    this.#source = batchSource(batch)
    this.#edition = edition
    this.batch = batch
    this.length = this.#source.length
  }

  putInto(target: Buffer, at: number): void {
    this.#source.putInto(target, at)
    setEdition(target.subarray(at), this.#edition)
  }
}

/** Just written, so of today's edition. */
function keptFrom({ offset, next, record, source }: WrittenRecord): KeptBatch {
  return source instanceof EditedBatch ? { offset, next, batch: source.batch } : decoded({ offset, next, record })
}

/** A record that somebody else wrote, or a newer program, must not stop those behind it. */
function decoded({ offset, next, record, origin }: JournalRecord): KeptBatch {
  try {
    return { offset, next, origin, batch: decodeBatch(record) }
  } catch (cause) {
    return { offset, next, batch: undefined, unreadable: { record, reason: String(cause) } }
  }
}

interface Today {
  readonly editions: RegistryEditions
  readonly registry: RegistryOrder
  readonly passOver: (count: number) => void
}

interface Sources extends Today {
  readonly journal: Journal
  readonly recent: RecentRecords<KeptBatch>
}

async function* batchesFrom(
  { from, follow, signal }: ReadOptions,
  { journal, recent, ...today }: Sources,
): AsyncGenerator<readonly KeptBatch[]> {
  let at = from
  while (!signal?.aborted) {
    const fresh = recent.from(at)
    if (fresh !== undefined) {
      at = fresh.at(-1)?.next ?? at
      yield fresh
      continue
    }
    if (follow && recent.covers(at)) {
      if (!(await journal.moreThan(at, signal))) return
      continue
    }
    let isCaughtUp = false
    for await (const one of readToday(journal.read({ from: at, follow, ...(signal && { signal }) }), today)) {
      at = one.next
      yield [decoded(one)]
      // The newest are in memory, and need no decoding.
      isCaughtUp = recent.covers(at)
      if (isCaughtUp) break
    }
    if (!isCaughtUp) return
  }
}

async function* readToday(records: AsyncIterable<JournalRecord>, today: Today): AsyncGenerator<JournalRecord> {
  for await (const one of records) {
    // What is no batch at all passes as it is: whoever decodes it finds out.
    const isCurrent = !isBatch(one.record) || editionOf(one.record) === today.editions.current
    yield isCurrent ? one : translated(one, today)
  }
}

function translated(one: JournalRecord, { editions, registry, passOver }: Today): JournalRecord {
  const batch = decodeBatch(one.record)
  const translation = editions.translationFrom(editionOf(one.record))
  const today = translation === undefined ? emptied(batch) : translateBatch(batch, { translation, registry })
  passOver(batch.sensor.length - today.sensor.length)
  const record = encodeBatch(today)
  setEdition(record, editions.current)
  const origin = { gateway: translation?.gatewayIds[batch.gateway] ?? '', readings: batch.sensor.length }
  return { ...one, record, origin }
}

function emptied(batch: ReadingBatch): ReadingBatch {
  return { ...batch, ...columnsOf(batch, []) }
}

function translateBatch(
  batch: ReadingBatch,
  { translation, registry }: { translation: Translation; registry: RegistryOrder },
): ReadingBatch {
  const rows: number[] = []
  for (const [row, old] of batch.sensor.entries()) if ((translation.sensor[old] ?? -1) >= 0) rows.push(row)
  const columns = columnsOf(batch, rows)
  const sensor = columns.sensor.map(old => translation.sensor[old] ?? 0)
  const known = translation.gateway[batch.gateway] ?? -1
  return { ...batch, ...columns, sensor, gateway: known >= 0 ? known : gatewayNow(sensor[0], registry) }
}

/** The gateway has left the registry: the one that speaks for its sensor today stands in for it. */
function gatewayNow(sensor: number | undefined, { sensors, gateways }: RegistryOrder): number {
  const id = sensor === undefined ? undefined : sensors[sensor]?.gateway
  return Math.max(
    0,
    gateways.findIndex(gateway => gateway.id === id),
  )
}

function columnsOf(batch: ReadingBatch, rows: readonly number[]) {
  const pick = (column: ArrayLike<number>) => rows.map(row => column[row] ?? 0)
  return {
    sensor: Uint32Array.from(pick(batch.sensor)),
    measuredAtMs: Float64Array.from(pick(batch.measuredAtMs)),
    value: Float64Array.from(pick(batch.value)),
    quality: Uint8Array.from(pick(batch.quality)),
  }
}
