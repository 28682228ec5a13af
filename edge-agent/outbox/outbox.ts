/**
 * What one gateway still owes the house: batches on disk, kept from the moment a source was told "taken" until the
 * broker's PUBACK. Bounded in bytes and in age: the oldest go first, and are counted by reason.
 */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { SenmlReading } from '@forewarn/contracts/senml'
import type { Clock } from '@forewarn/runtime/clock'
import { batchReadings, intoBatches, type OutboxBatch } from './batch-record.ts'
import {
  appendBatches,
  createSegment,
  deleteSegment,
  deleteSegmentFiles,
  type Fate,
  firstOwedFrom,
  firstSequenceOf,
  mark,
  readBatch,
  recoverSegment,
  type Segment,
  totalsOf,
  writeMarks,
} from './segment.ts'
import { addTotals, emptyTotals, type Gone, type GoneFile, type OutboxTotals, openGoneFile } from './totals.ts'

export interface OutboxStatus extends OutboxTotals {
  /** What waits. */
  readonly batches: number
  readonly readings: number
  readonly bytes: number
  /** For want of room, for age, or damaged, since the first start of this outbox. */
  readonly droppedReadings: number
}

/** Why readings were dropped without having reached the house. */
export type DropReason = 'bytes' | 'age' | 'damaged'

export interface OutboxLimits {
  /** On disk; the oldest go first. */
  readonly maxBytes: number
  /** A batch that waited for longer is dropped. Batches taken while the clock was plainly wrong have no age. */
  readonly maxAgeMs: number
  /** How long the first reading of a batch waits for company, of the house's time. */
  readonly lingerMs: number
}

export interface Outbox {
  /**
   * Resolves once the readings are on disk (fdatasync, shared by all who wait). Rejects when they could not be
   * written, or when too many wait for a slow disk: then none of them is kept.
   */
  append(readings: readonly SenmlReading[], options: { backlog: boolean }): Promise<void>
  /** The oldest batch with at least this sequence number that is not acknowledged. */
  next(fromSequence: number): Promise<OutboxBatch | undefined>
  /** Notes that a batch goes out; the first time counts. */
  handOver(sequence: number): void
  /** Forgets a batch: its PUBACK is there. */
  acknowledge(sequence: number): void
  readonly nextSequence: number
  status(): OutboxStatus
  /** Resolves once the disk knows all that `status` tells, so that its counters never go back. */
  settled(): Promise<void>
  /** Changes limits while it runs. */
  limit(limits: Partial<OutboxLimits>): void
  /** Waits for what is being written, then closes the files. */
  close(): Promise<void>
}

export interface OutboxOptions extends Partial<OutboxLimits> {
  readonly dir: string
  readonly clock: Clock
  /** Told of the readings of now that are offered, before the disk is asked. */
  readonly onOffered?: (readings: readonly SenmlReading[]) => void
  /** Told of each batch as soon as it is on disk, in order. */
  readonly onKept?: (batch: OutboxBatch) => void
  readonly onDropped?: (readings: number, reason: DropReason) => void
  /** Trouble that loses nothing, or that only a person can put right. */
  readonly onTrouble?: (event: string, facts: Record<string, unknown>) => void
}

export const defaultLimits: OutboxLimits = {
  maxBytes: 64 * 1024 * 1024,
  maxAgeMs: 14 * 24 * 60 * 60 * 1000,
  lingerMs: 200,
}

/** Readings held in memory for a disk that does not keep up; more are refused. */
const waitingAtMost = 50_000

/** A clock that says less than this was never set: ages cannot be told by it. */
const plausibleFromMs = Date.UTC(2024, 0, 1)

interface Waiting {
  readonly readings: readonly SenmlReading[]
  readonly backlog: boolean
  readonly kept: () => void
  readonly failed: (error: unknown) => void
}

/** Opens the outbox in `dir`, cutting off what a crash left unfinished. One process at a time. */
export async function openOutbox(options: OutboxOptions): Promise<Outbox> {
  const { dir } = options
  await mkdir(dir, { recursive: true })
  const goneFile = await openGoneFile(join(dir, 'totals'))
  return new FileOutbox({ segments: await recoverSegments(options, goneFile.found), goneFile, options })
}

async function recoverSegments({ dir, onTrouble = () => {} }: OutboxOptions, gone: Gone): Promise<Segment[]> {
  const firsts = (await readdir(dir)).map(firstSequenceOf).filter(first => first !== undefined)
  const segments: Segment[] = []
  for (const first of firsts.sort((a, b) => a - b)) {
    // Counted as gone, and the process died before it deleted the file.
    if (first === gone.deleted) await deleteSegmentFiles(dir, first)
    else {
      const { segment, tornBytes } = await recoverSegment(dir, first)
      if (tornBytes > 0) onTrouble('outbox-tail-cut', { path: segment.path, bytes: tornBytes })
      segments.push(segment)
    }
  }
  return segments
}

class FileOutbox implements Outbox {
  #segments: Segment[]
  #options: OutboxOptions
  #limits: OutboxLimits
  #goneFile: GoneFile
  #gone: Gone
  #forgetting = Promise.resolve()
  #totals: OutboxTotals
  #waiting: Waiting[] = []
  #waitingReadings = 0
  #cancelLinger: (() => void) | undefined
  #cancelAgeing: () => void
  #committing: Promise<void> | undefined
  #settling: Promise<void> | undefined
  #unsettled = false
  #closed = false
  nextSequence: number

  constructor({
    segments,
    goneFile,
    options,
  }: {
    segments: Segment[]
    goneFile: GoneFile
    options: OutboxOptions
  }) {
    this.#segments = segments
    this.#options = options
    const { maxBytes = defaultLimits.maxBytes, maxAgeMs = defaultLimits.maxAgeMs } = options
    this.#limits = { maxBytes, maxAgeMs, lingerMs: options.lingerMs ?? defaultLimits.lingerMs }
    this.#goneFile = goneFile
    this.#gone = goneFile.found
    this.#totals = segments.map(totalsOf).reduce(addTotals, goneFile.found.totals)
    const last = segments.at(-1)
    this.nextSequence = last === undefined ? 0 : last.firstSequence + last.entries.length
    this.#cancelAgeing = options.clock.every(60_000 * options.clock.speed, () => this.#dropAged())
    this.#dropAged()
  }

  append(readings: readonly SenmlReading[], { backlog }: { backlog: boolean }): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the outbox is closed'))
    if (!backlog) this.#options.onOffered?.(readings)
    if (this.#waitingReadings + readings.length > waitingAtMost && this.#waitingReadings > 0)
      return Promise.reject(new Error(`${this.#waitingReadings} readings wait for the disk already`))
    return new Promise((kept, failed) => {
      this.#waiting.push({ readings, backlog, kept, failed })
      this.#waitingReadings += readings.length
      if (this.#waitingReadings >= batchReadings) this.#commitNow()
      else this.#cancelLinger ??= this.#options.clock.after(this.#limits.lingerMs, () => this.#commitNow())
    })
  }

  #commitNow(): void {
    this.#cancelLinger?.()
    this.#cancelLinger = undefined
    // One write and fdatasync in flight: whoever comes meanwhile shares the next one.
    this.#committing ??= this.#commitAll().finally(() => {
      this.#committing = undefined
      // Somebody may have come after the last look and before this line.
      if (this.#waiting.length > 0) this.#commitNow()
    })
  }

  async #commitAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const taken = this.#waiting
      this.#waiting = []
      this.#waitingReadings = 0
      await this.#write(taken).then(
        () => taken.forEach(({ kept }) => void kept()),
        error => taken.forEach(({ failed }) => void failed(error)),
      )
    }
  }

  async #write(taken: readonly Waiting[]): Promise<void> {
    const batches = intoBatches(taken, this.nextSequence)
    const segment = await this.#segmentToWrite()
    await appendBatches(segment, batches, this.#options.clock.nowMs())
    for (const batch of batches) {
      this.nextSequence = batch.sequence + 1
      this.#count({ taken: batch.readings.length })
      this.#options.onKept?.(batch)
    }
    await this.#dropOldest()
  }

  #count(some: Partial<OutboxTotals>): void {
    const { taken = 0, handedOver = 0, acknowledged = 0, crowdedOut = 0, aged = 0, damaged = 0 } = some
    this.#totals = addTotals(this.#totals, { taken, handedOver, acknowledged, crowdedOut, aged, damaged })
  }

  async #segmentToWrite(): Promise<Segment> {
    const last = this.#segments.at(-1)
    const segmentBytes = Math.max(4096, Math.min(1024 * 1024, this.#limits.maxBytes / 8))
    if (last !== undefined && last.bytes < segmentBytes) return last
    const fresh = await createSegment(this.#options.dir, this.nextSequence)
    this.#segments.push(fresh)
    if (last !== undefined) this.#settle()
    return fresh
  }

  async #dropOldest(): Promise<void> {
    while (this.#bytes() > this.#limits.maxBytes && this.#segments.length > 1) {
      const oldest = this.#segments.shift()
      if (oldest === undefined) return
      const readings = oldest.owedReadings
      this.#count({ crowdedOut: readings })
      await this.#forget(oldest, readings)
      if (readings > 0) this.#options.onDropped?.(readings, 'bytes')
    }
  }

  /** Counts a segment that has left the list as gone, and deletes its files: one at a time, so that it can be told. */
  #forget(segment: Segment, crowdedOut: number): Promise<void> {
    this.#forgetting = this.#forgetting.then(() => this.#forgetNow(segment, crowdedOut))
    return this.#forgetting
  }

  async #forgetNow(segment: Segment, crowdedOut: number): Promise<void> {
    const { onTrouble } = this.#options
    const totals = addTotals(addTotals(this.#gone.totals, totalsOf(segment)), { ...emptyTotals, crowdedOut })
    this.#gone = { totals, deleted: segment.firstSequence }
    await this.#goneFile
      .write(this.#gone)
      .catch(error => onTrouble?.('outbox-totals-not-kept', { trouble: String(error) }))
    // Not deleted, it is found again at the next start, as what `deleted` names or as batches that travel twice.
    await deleteSegment(segment).catch(error => onTrouble?.('outbox-file-left', { trouble: String(error) }))
  }

  #bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }

  #dropAged(): void {
    const oldestMs = this.#options.clock.nowMs() - this.#limits.maxAgeMs
    let dropped = 0
    for (const segment of this.#segments) {
      for (
        let index = segment.firstOwed;
        index < segment.entries.length;
        index = Math.max(index + 1, segment.firstOwed)
      ) {
        const entry = segment.entries[index]
        if (entry === undefined || entry.takenAtMs >= oldestMs) return this.#aged(dropped)
        if (entry.takenAtMs < plausibleFromMs || entry.ended !== undefined) continue
        this.#mark(segment.firstSequence + index, 'aged')
        dropped += entry.readings
      }
    }
    this.#aged(dropped)
  }

  #aged(readings: number): void {
    if (readings > 0) this.#options.onDropped?.(readings, 'age')
  }

  async next(fromSequence: number): Promise<OutboxBatch | undefined> {
    for (const segment of this.#segments) {
      const sequence = firstOwedFrom(segment, fromSequence)
      if (sequence !== undefined) return await this.#read(segment, sequence)
    }
    return undefined
  }

  async #read(segment: Segment, sequence: number): Promise<OutboxBatch | undefined> {
    try {
      return await readBatch(segment, sequence)
    } catch (error) {
      // Dropped for room while it was being read: go on with the next one. Damage is counted as a drop.
      if (!this.#segments.includes(segment)) return await this.next(sequence + 1)
      this.#options.onTrouble?.('outbox-batch-damaged', { path: segment.path, sequence, trouble: String(error) })
      const readings = this.#mark(sequence, 'damaged')
      if (readings > 0) this.#options.onDropped?.(readings, 'damaged')
      return await this.next(sequence + 1)
    }
  }

  handOver(sequence: number): void {
    this.#mark(sequence, 'handed-over')
  }

  acknowledge(sequence: number): void {
    this.#mark(sequence, 'acknowledged')
  }

  /** Returns how many readings this concerned; 0 when it was known before or the batch is gone. */
  #mark(sequence: number, fate: Fate): number {
    const segment = this.#segments.find(
      ({ firstSequence, entries }) => sequence >= firstSequence && sequence < firstSequence + entries.length,
    )
    if (segment === undefined || !mark(segment, sequence, fate)) return 0
    const readings = segment.entries[sequence - segment.firstSequence]?.readings ?? 0
    this.#count({ [fate === 'handed-over' ? 'handedOver' : fate]: readings })
    this.#unsettled = true
    this.#settle()
    return readings
  }

  #settle(): void {
    if (this.#closed) return
    this.#settling ??= this.#settleAll()
      .catch(error => this.#options.onTrouble?.('outbox-not-settled', { trouble: String(error) }))
      .finally(() => {
        this.#settling = undefined
        if (this.#unsettled) this.#settle()
      })
  }

  /** Writes marks down and deletes the segments that owe nothing more. */
  async #settleAll(): Promise<void> {
    this.#unsettled = false
    // First: on a full disk it is what makes room again.
    await this.#deleteDone()
    for (const segment of [...this.#segments]) {
      if (segment.unwritten.length > 0 && this.#segments.includes(segment)) await writeMarks(segment)
    }
  }

  async #deleteDone(): Promise<void> {
    // The newest stays, empty or not: its name keeps the sequence number.
    const done = this.#segments.slice(0, -1).filter(({ owedBatches }) => owedBatches === 0)
    this.#segments = this.#segments.filter(segment => !done.includes(segment))
    for (const segment of done) await this.#forget(segment, 0)
  }

  status(): OutboxStatus {
    const { crowdedOut, aged, damaged } = this.#totals
    return {
      ...this.#totals,
      batches: this.#segments.reduce((sum, { owedBatches }) => sum + owedBatches, 0),
      readings: this.#segments.reduce((sum, { owedReadings }) => sum + owedReadings, 0),
      bytes: this.#bytes(),
      droppedReadings: crowdedOut + aged + damaged,
    }
  }

  async settled(): Promise<void> {
    // Whoever settles now may have begun before the last mark; the round after it has seen all of them.
    await this.#settling
    await this.#settling
  }

  limit(limits: Partial<OutboxLimits>): void {
    this.#limits = { ...this.#limits, ...limits }
    this.#dropAged()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#cancelAgeing()
    this.#closed = true
    this.#commitNow()
    while (this.#committing !== undefined) await this.#committing
    while (this.#settling !== undefined) await this.#settling
    await this.#settleAll()
    for (const segment of this.#segments) await segment.file.close()
    await this.#goneFile.close()
  }
}
