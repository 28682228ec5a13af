/**
 * One file of an outbox: batches in order of their sequence number, and beside it a file of those acknowledged.
 * Only the newest segment is written to; a segment whose batches are all acknowledged is deleted whole.
 */
import { appendFile, type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeRecord, encodeRecord, type OutboxBatch } from './batch-record.ts'

const suffix = '.outbox'

export interface Segment {
  readonly firstSequence: number
  /** Where each batch lies, and how many readings it holds. */
  readonly entries: { readonly offset: number; readonly readings: number }[]
  readonly acknowledged: Set<number>
  bytes: number
  readonly path: string
  readonly file: FileHandle
}

/** The file name carries the first sequence number, so that numbers never start anew while one file is left. */
export function segmentName(firstSequence: number): string {
  return `${String(firstSequence).padStart(15, '0')}${suffix}`
}

/** The first sequence number that a file name tells, or undefined for a file of another kind. */
export function firstSequenceOf(fileName: string): number | undefined {
  if (!fileName.endsWith(suffix)) return undefined
  const sequence = Number(fileName.slice(0, -suffix.length))
  return Number.isSafeInteger(sequence) ? sequence : undefined
}

function ackPath(path: string): string {
  return `${path}.acked`
}

export async function createSegment(dir: string, firstSequence: number): Promise<Segment> {
  const path = join(dir, segmentName(firstSequence))
  const file = await open(path, 'w+')
  await syncDirectory(dir)
  return { firstSequence, entries: [], acknowledged: new Set(), bytes: 0, path, file }
}

// POSIX: a new file is only sure to be found again once its directory is synced too.
async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Opens a segment left by an earlier run and cuts off what a crash left unfinished. */
export async function recoverSegment(dir: string, firstSequence: number): Promise<Segment & { tornBytes: number }> {
  const path = join(dir, segmentName(firstSequence))
  const bytes = await readFile(path)
  const entries: { offset: number; readings: number }[] = []
  let offset = 0
  for (let found = decodeRecord(bytes, 0); found !== undefined; found = decodeRecord(bytes, offset)) {
    entries.push({ offset, readings: found.batch.readings.length })
    offset = found.next
  }
  const file = await open(path, 'r+')
  const tornBytes = bytes.length - offset
  if (tornBytes > 0) await file.truncate(offset)
  const acknowledged = await readAcknowledged(path, { firstSequence, count: entries.length })
  return { firstSequence, entries, acknowledged, bytes: offset, path, file, tornBytes }
}

async function readAcknowledged(
  path: string,
  { firstSequence, count }: { firstSequence: number; count: number },
): Promise<Set<number>> {
  const bytes = await readFile(ackPath(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0)
    throw error
  })
  const acknowledged = new Set<number>()
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const index = bytes.readUInt32LE(at)
    if (index < count) acknowledged.add(firstSequence + index)
  }
  return acknowledged
}

/**
 * Appends batches and resolves once they are on disk. When it rejects, none of them counts as written, and the next
 * append goes over whatever was left behind.
 */
export async function appendBatches(segment: Segment, batches: readonly OutboxBatch[]): Promise<void> {
  const records = batches.map(encodeRecord)
  const block = Buffer.concat(records)
  try {
    await writeFully(segment.file, block, segment.bytes)
    await segment.file.datasync()
  } catch (cause) {
    await segment.file.truncate(segment.bytes).catch(() => {
      // The disk that refused the write may refuse this too; recovery cuts by checksum.
    })
    throw new Error(`write ${block.length} bytes to ${segment.path}`, { cause })
  }
  for (const [index, record] of records.entries()) {
    segment.entries.push({ offset: segment.bytes, readings: batches[index]?.readings.length ?? 0 })
    segment.bytes += record.length
  }
}

async function writeFully(file: FileHandle, block: Buffer, position: number): Promise<void> {
  for (let done = 0; done < block.length; ) {
    const { bytesWritten } = await file.write(block, done, block.length - done, position + done)
    done += bytesWritten
  }
}

/** Reads one batch back. Throws when the file no longer holds it. */
export async function readBatch(segment: Segment, sequence: number): Promise<OutboxBatch> {
  const index = sequence - segment.firstSequence
  const from = segment.entries[index]?.offset ?? 0
  const to = segment.entries[index + 1]?.offset ?? segment.bytes
  const bytes = Buffer.alloc(to - from)
  await segment.file.read(bytes, 0, bytes.length, from)
  const found = decodeRecord(bytes, 0)
  if (found === undefined) throw new Error(`batch ${sequence} is damaged in ${segment.path}`)
  return found.batch
}

/**
 * Writes down acknowledgements, without waiting for the disk: one that is lost makes a batch travel twice,
 * which is harmless because the same sensor and time are one reading.
 */
export async function writeAcknowledged(segment: Segment, sequences: readonly number[]): Promise<void> {
  const bytes = Buffer.alloc(sequences.length * 4)
  for (const [at, sequence] of sequences.entries()) bytes.writeUInt32LE(sequence - segment.firstSequence, at * 4)
  await appendFile(ackPath(segment.path), bytes)
}

export async function deleteSegment(segment: Segment): Promise<void> {
  await segment.file.close()
  await rm(segment.path, { force: true })
  await rm(ackPath(segment.path), { force: true })
}

/** The batches of a segment that are still owed, and the readings in them. */
export function owed(segment: Segment): { batches: number; readings: number } {
  let readings = 0
  for (const [index, entry] of segment.entries.entries()) {
    if (!segment.acknowledged.has(segment.firstSequence + index)) readings += entry.readings
  }
  return { batches: segment.entries.length - segment.acknowledged.size, readings }
}
