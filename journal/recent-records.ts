/**
 * The newest records, in memory: whoever follows the journal at its end reads nothing from disk.
 */
import type { JournalRecord } from './frame.ts'

export interface RecentRecords {
  add(records: readonly JournalRecord[]): void
  /** The records from `offset` on, or undefined when it lies before what is still here (or at the end). */
  from(offset: number): readonly JournalRecord[] | undefined
}

export function recentRecords({ maxBytes }: { maxBytes: number }): RecentRecords {
  let records: JournalRecord[] = []
  let bytes = 0
  return {
    add(added) {
      for (const one of added) bytes += one.next - one.offset
      records.push(...added)
      if (bytes <= maxBytes) return
      // Down to half at once: cutting one at a time would move the whole array each time.
      let cut = 0
      while (bytes > maxBytes / 2 && cut < records.length) bytes -= sizeOf(records[cut++])
      records = records.slice(cut)
    },
    from(offset) {
      const index = indexOf(records, offset)
      return index === undefined ? undefined : records.slice(index)
    },
  }
}

function sizeOf(record: JournalRecord | undefined): number {
  return record === undefined ? 0 : record.next - record.offset
}

function indexOf(records: readonly JournalRecord[], offset: number): number | undefined {
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
