/**
 * The newest records, in memory: whoever follows the journal at its end reads nothing from disk.
 */

/** From where to where it lies in the journal. */
interface Stretch {
  readonly offset: number
  readonly next: number
}

export interface RecentRecords<T extends Stretch> {
  add(records: readonly T[]): void
  /** The records from `offset` on, or undefined when it lies before what is still here (or at the end). */
  from(offset: number): readonly T[] | undefined
  /** Whether a record that is here begins at `offset`, or the newest one ends there. */
  covers(offset: number): boolean
}

/** Many small records hold more memory than their bytes, and the collector looks at each of them. */
const maxRecords = 20_000

/** Keeps the newest records, up to `maxBytes` of the journal; none at all with 0. */
export function recentRecords<T extends Stretch>({ maxBytes }: { maxBytes: number }): RecentRecords<T> {
  let records: T[] = []
  let bytes = 0
  return {
    add(added) {
      if (maxBytes === 0) return
      // A stretch that is missing here must be read from where it is kept: nobody may step over it.
      if (records.length > 0 && added[0]?.offset !== records.at(-1)?.next) {
        records = []
        bytes = 0
      }
      for (const one of added) bytes += one.next - one.offset
      records.push(...added)
      if (bytes <= maxBytes && records.length <= maxRecords) return
      // Down to half at once: cutting one at a time would move the whole array each time.
      let cut = 0
      while (cut < records.length && (bytes > maxBytes / 2 || records.length - cut > maxRecords / 2))
        bytes -= sizeOf(records[cut++])
      records = records.slice(cut)
    },
    covers: offset => records.at(-1)?.next === offset || indexOf(records, offset) !== undefined,
    from(offset) {
      const index = indexOf(records, offset)
      return index === undefined ? undefined : records.slice(index)
    },
  }
}

function sizeOf(record: Stretch | undefined): number {
  return record === undefined ? 0 : record.next - record.offset
}

function indexOf(records: readonly Stretch[], offset: number): number | undefined {
  let low = 0
  let high = records.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const at = records[middle]?.offset ?? 0
    if (at === offset) return middle
    if (at < offset) low = middle + 1
    else high = middle - 1
  }
  return undefined
}
