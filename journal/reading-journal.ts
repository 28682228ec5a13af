/**
 * A journal of reading batches: what it gives back always means today's registry, whatever its order was when the
 * batch was written (see registry-editions.ts). The house opens this one; consumers decode its records with
 * batch-codec and ask no further.
 */
import type { ReadingBatch } from '@forewarn/contracts/reading'
import { decodeBatch, editionOf, encodeBatch, setEdition } from './batch-codec.ts'
import { type Journal, type JournalOptions, type JournalRecord, openJournal } from './journal.ts'
import { openEditions, type RegistryEditions, type RegistryOrder, type Translation } from './registry-editions.ts'

export interface ReadingJournal extends Journal {
  /** Readings passed over because their sensor is not in the registry any more, since it was opened. */
  strangers(): number
}

/**
 * Opens the journal of a district's readings. `append` takes what `encodeBatch` wrote, and only that.
 * A batch whose sensors have all left the registry comes back with no rows.
 */
export async function openReadingJournal({
  registry,
  ...options
}: JournalOptions & { readonly registry: RegistryOrder }): Promise<ReadingJournal> {
  const journal = await openJournal(options)
  const editions = openEditions(options.dir, registry, journal.figures())
  let strangers = 0
  const passOver = (count: number) => {
    strangers += count
  }
  return {
    ...journal,
    append(encoded) {
      setEdition(encoded, editions.current)
      return journal.append(encoded)
    },
    read: options => readToday(journal.read(options), { editions, registry, passOver }),
    strangers: () => strangers,
  }
}

interface Today {
  readonly editions: RegistryEditions
  readonly registry: RegistryOrder
  readonly passOver: (count: number) => void
}

async function* readToday(records: AsyncIterable<JournalRecord>, today: Today): AsyncGenerator<JournalRecord> {
  for await (const one of records) {
    const isCurrent = editionOf(one.record) === today.editions.current
    yield isCurrent ? one : { ...one, record: translated(one.record, today) }
  }
}

function translated(record: Uint8Array, { editions, registry, passOver }: Today): Uint8Array {
  const batch = decodeBatch(record)
  const translation = editions.translationFrom(editionOf(record))
  const today = translation === undefined ? emptied(batch) : translateBatch(batch, { translation, registry })
  passOver(batch.sensor.length - today.sensor.length)
  const encoded = encodeBatch(today)
  setEdition(encoded, editions.current)
  return encoded
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
