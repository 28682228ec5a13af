/**
 * One file of an outbox: batches in order of their sequence number, and beside it a file of marks: handed over,
 * acknowledged, dropped. Only the newest segment is written to; one that owes nothing more is deleted whole.
 */
import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfThere } from '@forewarn/runtime/kept-file'
import { afterDamage, decodeRecord, encodeRecord, type OutboxBatch, readHead } from './batch-record.ts'
import { addTotals, emptyTotals, type OutboxTotals } from './totals.ts'

const suffix = '.outbox'

/** What can become of a batch. The number is on disk: the order never changes. */
const fates = ['acknowledged', 'handed-over', 'aged', 'damaged'] as const
export type Fate = (typeof fates)[number]
const fateCode = { acknowledged: 0, 'handed-over': 1, aged: 2, damaged: 3 } as const satisfies Record<Fate, number>

interface Entry {
  readonly offset: number
  readonly readings: number
  readonly takenAtMs: number
  /** It was given to the uplink at least once. */
  handedOver: boolean
  /** Nothing more is owed of it. */
  ended: Exclude<Fate, 'handed-over'> | undefined
}

export interface Segment {
  readonly firstSequence: number
  readonly entries: Entry[]
  /** Batches that are still owed. */
  owedBatches: number
  owedReadings: number
  /** Entries before this index have ended: the search for the oldest begins here. */
  firstOwed: number
  bytes: number
  readonly path: string
  readonly file: FileHandle
  /** Marks that are not on disk yet. */
  unwritten: number[]
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

function marksPath(path: string): string {
  return `${path}.marks`
}

/** An empty segment on disk, its name in the folder synced. Rejects with the system's error. */
export async function createSegment(dir: string, firstSequence: number): Promise<Segment> {
  const path = join(dir, segmentName(firstSequence))
  const file = await open(path, 'w+')
  await syncDirectory(dir).catch(async (error: unknown) => {
    await file.close()
    throw error
  })
  return freshSegment({ firstSequence, path, file })
}

function freshSegment(what: Pick<Segment, 'firstSequence' | 'path' | 'file'>): Segment {
  return { ...what, entries: [], owedBatches: 0, owedReadings: 0, firstOwed: 0, bytes: 0, unwritten: [] }
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
export async function recoverSegment(
  dir: string,
  firstSequence: number,
): Promise<{ segment: Segment; tornBytes: number }> {
  const path = join(dir, segmentName(firstSequence))
  const bytes = await readFile(path)
  const segment = freshSegment({ firstSequence, path, file: await open(path, 'r+') })
  for (;;) {
    const head = readHead(bytes, segment.bytes)
    // A damaged one keeps its number; how many readings it held is not known any more. Reading it back reports it.
    const next = head?.next ?? afterDamage(bytes, segment.bytes)
    if (next === undefined) break
    addEntry(segment, { offset: segment.bytes, readings: head?.readings ?? 0, takenAtMs: head?.takenAtMs ?? 0 })
    segment.bytes = next
  }
  const tornBytes = bytes.length - segment.bytes
  if (tornBytes > 0) await segment.file.truncate(segment.bytes)
  await readMarks(segment)
  return { segment, tornBytes }
}

function addEntry(segment: Segment, entry: Pick<Entry, 'offset' | 'readings' | 'takenAtMs'>): void {
  segment.entries.push({ ...entry, handedOver: false, ended: undefined })
  segment.owedBatches++
  segment.owedReadings += entry.readings
}

async function readMarks(segment: Segment): Promise<void> {
  const bytes = (await readIfThere(marksPath(segment.path))) ?? Buffer.alloc(0)
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const word = bytes.readUInt32LE(at)
    const fate = fates[word >>> 28]
    if (fate !== undefined) setFate(segment, word & 0x0fff_ffff, fate)
  }
}

/** Notes what became of a batch; false when that changes nothing. `writeMarks` puts it on disk. */
export function mark(segment: Segment, sequence: number, fate: Fate): boolean {
  const index = sequence - segment.firstSequence
  if (!setFate(segment, index, fate)) return false
  // `>>> 0`: the fourth bit of a code would make the word negative.
  segment.unwritten.push(((fateCode[fate] << 28) | index) >>> 0)
  return true
}

function setFate(segment: Segment, index: number, fate: Fate): boolean {
  const entry = segment.entries[index]
  if (entry === undefined) return false
  if (fate === 'handed-over') {
    if (entry.handedOver) return false
    entry.handedOver = true
    return true
  }
  if (entry.ended !== undefined) return false
  entry.ended = fate
  segment.owedBatches--
  segment.owedReadings -= entry.readings
  while (segment.entries[segment.firstOwed]?.ended !== undefined) segment.firstOwed++
  return true
}

/**
 * Appends batches and resolves once they are on disk. When it rejects, none of them counts as written, and the next
 * append goes over whatever was left behind.
 */
export async function appendBatches(
  segment: Segment,
  batches: readonly OutboxBatch[],
  takenAtMs: number,
): Promise<void> {
  const records = batches.map(batch => encodeRecord(batch, takenAtMs))
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
    addEntry(segment, { offset: segment.bytes, readings: batches[index]?.readings.length ?? 0, takenAtMs })
    segment.bytes += record.length
  }
}

async function writeFully(file: FileHandle, block: Buffer, position: number): Promise<void> {
  for (let done = 0; done < block.length; ) {
    const { bytesWritten } = await file.write(block, done, block.length - done, position + done)
    done += bytesWritten
  }
}

/** The first batch with at least this sequence number that is still owed. */
export function firstOwedFrom(segment: Segment, fromSequence: number): number | undefined {
  const { firstSequence, entries, firstOwed } = segment
  if (segment.owedBatches === 0) return undefined
  for (let index = Math.max(fromSequence - firstSequence, firstOwed); index < entries.length; index++) {
    if (entries[index]?.ended === undefined) return firstSequence + index
  }
  return undefined
}

/** Reads one batch back. Throws when the file no longer holds it. */
export async function readBatch(segment: Segment, sequence: number): Promise<OutboxBatch> {
  const index = sequence - segment.firstSequence
  const from = segment.entries[index]?.offset ?? 0
  const to = segment.entries[index + 1]?.offset ?? segment.bytes
  const bytes = Buffer.alloc(to - from)
  await segment.file.read(bytes, 0, bytes.length, from)
  const batch = decodeRecord(bytes, 0)
  if (batch === undefined) throw new Error(`batch ${sequence} is damaged in ${segment.path}`)
  return batch
}

/**
 * Writes marks down, without waiting for the disk: one that a power cut takes makes a batch travel twice, which is
 * harmless because the same sensor and time are one reading. When it rejects, they are written at the next call.
 */
export async function writeMarks(segment: Segment): Promise<void> {
  const words = segment.unwritten
  if (words.length === 0) return
  const bytes = Buffer.alloc(words.length * 4)
  for (const [at, word] of words.entries()) bytes.writeUInt32LE(word, at * 4)
  const file = await open(marksPath(segment.path), 'a')
  try {
    const { size } = await file.stat()
    const { bytesWritten } = await file.write(bytes)
    if (bytesWritten < bytes.length) {
      // A full disk takes a part: half a word would shift all that follow.
      await file.truncate(size)
      throw new Error(`only ${bytesWritten} of ${bytes.length} bytes fit into ${marksPath(segment.path)}`)
    }
  } finally {
    await file.close()
  }
  segment.unwritten = segment.unwritten.slice(words.length)
}

/** Closes and deletes it, its marks as well. */
export async function deleteSegment(segment: Segment): Promise<void> {
  await segment.file.close()
  await rm(segment.path, { force: true })
  await rm(marksPath(segment.path), { force: true })
}

/** Deletes the files of a segment that was not opened. */
export async function deleteSegmentFiles(dir: string, firstSequence: number): Promise<void> {
  const path = join(dir, segmentName(firstSequence))
  await rm(path, { force: true })
  await rm(marksPath(path), { force: true })
}

/** What became of the readings of a segment so far. */
export function totalsOf(segment: Segment): OutboxTotals {
  let totals = emptyTotals
  for (const { readings, handedOver, ended } of segment.entries) {
    totals = addTotals(totals, {
      taken: readings,
      handedOver: handedOver ? readings : 0,
      acknowledged: ended === 'acknowledged' ? readings : 0,
      aged: ended === 'aged' ? readings : 0,
      damaged: ended === 'damaged' ? readings : 0,
      crowdedOut: 0,
    })
  }
  return totals
}
