/**
 * The durable log that every reading crosses: append-only segments, group commit, several consumers with their own
 * checkpoints. What `append` resolved for is there after kill -9 and power loss; what it did not may be or not.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openAppender, type WrittenRecord } from './appender.ts'
import { type JournalConsumer, openConsumers } from './consumers.ts'
import type { JournalRecord, RecordSource } from './frame.ts'
import { type ReadOptions, recordsFrom } from './reader.ts'
import { recentRecords } from './recent-records.ts'
import { bytesOf, deleteSegment, openSegments, type Segment } from './segments.ts'

export type { JournalConsumer } from './consumers.ts'
export type { JournalRecord } from './frame.ts'
export { JournalError, type JournalTrouble } from './journal-error.ts'
export type { ReadOptions } from './reader.ts'

export interface JournalFigures {
  readonly bytes: number
  readonly maxBytes: number
  readonly segments: number
  readonly firstOffset: number
  readonly endOffset: number
  /** Writes with their fdatasync, and the records in them, since it was opened. */
  readonly commits: number
  readonly records: number
  /** Records that rotted on disk and were passed over. */
  readonly damagedRecords: number
  /** Cut off the end when it was opened: a write that a crash interrupted. */
  readonly tornBytes: number
  readonly openedAtMs: number
  readonly consumers: readonly { readonly name: string; readonly position: number }[]
}

export interface Journal {
  /**
   * Adds a record; resolves with its offset once it is on disk. The bytes must not be changed before that.
   * Rejects with a JournalError: `journal-full` (limit or disk), `journal-write-failed`, `journal-closed`,
   * `record-too-large`. What was rejected may be appended again.
   */
  append(record: Uint8Array): Promise<number>
  /** The same without an offset, and cheaper: all records of one flush share their promise. */
  appendShared(source: RecordSource): Promise<unknown>
  /** Records in order, only those that are on disk. Ends at the end, or with `follow` when aborted or closed. */
  read(options: ReadOptions): AsyncIterable<JournalRecord>
  /** Offset behind the last record that is on disk. */
  end(): number
  /** True once there are records behind `offset`; false when it was closed or aborted before. */
  moreThan(offset: number, signal?: AbortSignal): Promise<boolean>
  /** A consumer by its name (a-z, 0-9, -); a new one begins at the oldest record there is. */
  consumer(name: string): JournalConsumer
  /** Drops a consumer that will never come back, so that it holds nothing any more. */
  forgetConsumer(name: string): void
  figures(): JournalFigures
  /** Finishes what was appended, ends the readers, closes the files. Calling it again is harmless. */
  close(): Promise<void>
}

export interface JournalOptions {
  readonly dir: string
  /** A segment is closed once it is this long; deletion goes by segments. Default 32 MB, at most an eighth of `maxBytes`. */
  readonly segmentMaxBytes?: number
  /** Beyond this, append rejects with `journal-full`. Default 2 GB. */
  readonly maxBytes?: number
  /** The newest records stay in memory up to so many bytes, for those who read at the end. Default 8 MB. */
  readonly recentBytes?: number
  /** Told of records once they are on disk, before whoever appended them. */
  readonly onWritten?: (records: readonly WrittenRecord[]) => void
  readonly nowMs: () => number
}

const megabyte = 1024 * 1024

/** Opens the journal in `dir` (made when missing) and cuts a torn tail. One process at a time may have it open. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { dir, maxBytes = 2048 * megabyte, nowMs } = options
  // With eight segments or more, a full journal always has one to delete once its consumers catch up.
  const segmentMaxBytes = Math.min(options.segmentMaxBytes ?? 32 * megabyte, Math.floor(maxBytes / 8))
  mkdirSync(dir, { recursive: true })
  const { segments, tornBytes } = await openSegments(dir)
  const recent = recentRecords<JournalRecord>({ maxBytes: options.recentBytes ?? 8 * megabyte })
  const onWritten = (records: readonly WrittenRecord[]) => {
    recent.add(records)
    options.onWritten?.(records)
  }
  const log = await openAppender({
    dir,
    segments,
    bytesInUse: () => bytesOf(segments),
    onWritten,
    segmentMaxBytes,
    maxBytes,
  })
  const consumers = openConsumers(join(dir, 'consumers'), {
    onCheckpoint: () => deletePassed(segments, consumers.positions()),
  })
  const damage = { records: 0 }
  const openedAtMs = nowMs()
  const firstOffset = () => segments[0]?.base ?? 0
  return {
    append: record => log.append(record),
    appendShared: source => log.appendShared(source),
    end: () => log.end(),
    moreThan: (offset, signal) => log.moreThan(offset, signal),
    read: options => recordsFrom(options, { segments, recent, log, damage }),
    consumer: name => consumers.get(name, firstOffset()),
    forgetConsumer: name => consumers.forget(name),
    close: () => log.close(),
    figures: () => ({
      bytes: bytesOf(segments),
      maxBytes,
      segments: segments.length,
      firstOffset: firstOffset(),
      endOffset: log.end(),
      ...log.figures(),
      damagedRecords: damage.records,
      tornBytes,
      openedAtMs,
      consumers: consumers.positions(),
    }),
  }
}

/** Deletes the segments that every consumer has passed; never the one being written. Without consumers, none. */
async function deletePassed(segments: Segment[], positions: readonly { position: number }[]): Promise<void> {
  const passed = Math.min(...positions.map(({ position }) => position))
  while (segments.length > 1) {
    const oldest = segments[0]
    if (oldest === undefined || !(oldest.base + oldest.size <= passed)) return
    segments.shift()
    await deleteSegment(oldest)
  }
}
