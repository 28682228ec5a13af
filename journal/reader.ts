/**
 * Reading the journal in order: from memory where the newest records are, from the segments before that.
 */
import { type FileHandle, open } from 'node:fs/promises'
import type { Appender } from './appender.ts'
import { type JournalRecord, takeFrame } from './frame.ts'
import type { RecentRecords } from './recent-records.ts'
import type { Segment } from './segments.ts'

export interface ReadOptions {
  /** An offset that `append`, `next` or a consumer's position gave; one that was deleted means the oldest there is. */
  readonly from: number
  /** Wait for new records at the end instead of ending. */
  readonly follow: boolean
  readonly signal?: AbortSignal
}

interface Sources {
  readonly segments: readonly Segment[]
  readonly recent: RecentRecords<JournalRecord>
  readonly log: Appender
  /** Counts what rotted. */
  readonly damage: { records: number }
}

const chunkBytes = 1024 * 1024

export async function* recordsFrom(
  { from, follow, signal }: ReadOptions,
  sources: Sources,
): AsyncGenerator<JournalRecord> {
  let at = from
  while (!signal?.aborted) {
    at = Math.max(at, sources.segments[0]?.base ?? 0)
    const chunk = sources.recent.from(at) ?? (await fromDisk(at, sources))
    for (const record of chunk) {
      at = record.next
      yield record
      if (signal?.aborted) return
    }
    if (chunk.length > 0 || (sources.segments[0]?.base ?? 0) > at) continue
    const resumed = afterDamage(at, sources)
    if (resumed > at) at = resumed
    else if (!follow || sources.log.isClosed()) return
    else await sources.log.moreThan(at, signal)
  }
}

/** Records from the segment that holds `at`: as many as fit into one chunk, none at the end or where it rotted. */
async function fromDisk(at: number, { segments, damage }: Sources): Promise<JournalRecord[]> {
  const segment = segments.find(({ base, size }) => at >= base && at < base + size)
  if (segment === undefined) return []
  const { base, size } = segment
  for (let bytes = chunkBytes; ; bytes *= 2) {
    const upTo = Math.min(bytes, base + size - at)
    const read = await readBytes(segment.path, at - base, upTo)
    if (read === undefined) return []
    const records = framesOf(read, at, damage)
    if (records.length > 0 || upTo < bytes) return records
  }
}

/** Undefined when the segment was deleted meanwhile: a reader that is no consumer may be that far behind. */
async function readBytes(path: string, position: number, length: number): Promise<Buffer | undefined> {
  const handle = await openIfThere(path)
  if (handle === undefined) return undefined
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, position)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function framesOf(bytes: Buffer, base: number, damage: { records: number }): JournalRecord[] {
  const records: JournalRecord[] = []
  for (let at = 0; ; ) {
    const frame = takeFrame(bytes, at)
    if (frame.kind === 'short' || frame.kind === 'nonsense') return records
    if (frame.kind === 'whole') records.push({ offset: base + at, next: base + frame.end, record: frame.record })
    else damage.records++
    at = frame.end
  }
}

/** Nothing could be read at `at` although the journal goes on: where it is sound again. */
function afterDamage(at: number, { segments, log, damage }: Sources): number {
  if (at >= log.end()) return at
  damage.records++
  return segments.find(({ base }) => base > at)?.base ?? log.end()
}
