/**
 * What one gateway still owes the house: batches on disk, kept from the moment a source was told "taken" until the
 * broker's PUBACK. Bounded in bytes: when it is full the oldest go first, and are counted.
 */
import { mkdir, readdir } from 'node:fs/promises'
import type { SenmlReading } from '@forewarn/contracts/senml'
import type { Clock } from '@forewarn/runtime/clock'
import type { OutboxBatch } from './batch-record.ts'
import {
  appendBatches,
  createSegment,
  deleteSegment,
  firstSequenceOf,
  owed,
  readBatch,
  recoverSegment,
  type Segment,
  writeAcknowledged,
} from './segment.ts'

export interface OutboxStatus {
  readonly batches: number
  readonly readings: number
  readonly bytes: number
  readonly droppedReadings: number
}

export interface Outbox {
  /**
   * Resolves once the readings are on disk (fdatasync, shared by all who wait). Rejects when they could not be
   * written: then none of them is kept.
   */
  append(readings: readonly SenmlReading[], options: { backlog: boolean }): Promise<void>
  /** The oldest batch with at least this sequence number that is not acknowledged. */
  next(fromSequence: number): Promise<OutboxBatch | undefined>
  /** Forgets a batch: its PUBACK is there. */
  acknowledge(sequence: number): void
  readonly nextSequence: number
  status(): OutboxStatus
  /** Waits for what is being written, then closes the files. */
  close(): Promise<void>
}

export interface OutboxOptions {
  readonly dir: string
  readonly clock: Clock
  /** Limit on disk, oldest dropped first. */
  readonly maxBytes?: number
  /** Told of each batch as soon as it is on disk, in order. */
  readonly onKept?: (batch: OutboxBatch) => void
  readonly onDropped?: (readings: number) => void
  /** Trouble that loses nothing, or that only a person can put right. */
  readonly onTrouble?: (event: string, facts: Record<string, unknown>) => void
}

/** More readings than this never travel in one message. */
export const batchReadings = 500

/** How long the first reading of a batch waits for company, of the house's time. */
const lingerMs = 200

interface Waiting {
  readonly readings: readonly SenmlReading[]
  readonly backlog: boolean
  readonly kept: () => void
  readonly failed: (error: unknown) => void
}

/** Opens the outbox in `dir`, cutting off what a crash left unfinished. One process at a time. */
export async function openOutbox(options: OutboxOptions): Promise<Outbox> {
  await mkdir(options.dir, { recursive: true })
  const segments = await recoverSegments(options)
  return new FileOutbox(segments, options)
}

async function recoverSegments({ dir, onTrouble = () => {} }: OutboxOptions): Promise<Segment[]> {
  const firsts = (await readdir(dir)).map(firstSequenceOf).filter(first => first !== undefined)
  const segments: Segment[] = []
  for (const first of firsts.sort((a, b) => a - b)) {
    const segment = await recoverSegment(dir, first)
    if (segment.tornBytes > 0) onTrouble('outbox-tail-cut', { path: segment.path, bytes: segment.tornBytes })
    segments.push(segment)
  }
  return segments
}

class FileOutbox implements Outbox {
  #segments: Segment[]
  #options: OutboxOptions
  #maxBytes: number
  #segmentBytes: number
  #waiting: Waiting[] = []
  #waitingReadings = 0
  #cancelLinger: (() => void) | undefined
  #committing: Promise<void> | undefined
  #acknowledged = new Map<Segment, number[]>()
  #settling: Promise<void> | undefined
  #owedBatches = 0
  #owedReadings = 0
  #droppedReadings = 0
  #closed = false
  nextSequence: number

  constructor(segments: Segment[], options: OutboxOptions) {
    this.#segments = segments
    this.#options = options
    this.#maxBytes = options.maxBytes ?? 64 * 1024 * 1024
    this.#segmentBytes = Math.max(4096, Math.min(1024 * 1024, this.#maxBytes / 8))
    for (const segment of segments) this.#owe(owed(segment), 1)
    const last = segments.at(-1)
    this.nextSequence = last === undefined ? 0 : last.firstSequence + last.entries.length
  }

  #owe({ batches, readings }: { batches: number; readings: number }, sign: 1 | -1): void {
    this.#owedBatches += sign * batches
    this.#owedReadings += sign * readings
  }

  append(readings: readonly SenmlReading[], { backlog }: { backlog: boolean }): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the outbox is closed'))
    return new Promise((kept, failed) => {
      this.#waiting.push({ readings, backlog, kept, failed })
      this.#waitingReadings += readings.length
      if (this.#waitingReadings >= batchReadings) this.#commitNow()
      else this.#cancelLinger ??= this.#options.clock.after(lingerMs, () => this.#commitNow())
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
    await appendBatches(segment, batches)
    for (const batch of batches) {
      this.nextSequence = batch.sequence + 1
      this.#owe({ batches: 1, readings: batch.readings.length }, 1)
      this.#options.onKept?.(batch)
    }
    await this.#dropOldest()
  }

  async #segmentToWrite(): Promise<Segment> {
    const last = this.#segments.at(-1)
    if (last !== undefined && last.bytes < this.#segmentBytes) return last
    const fresh = await createSegment(this.#options.dir, this.nextSequence)
    this.#segments.push(fresh)
    if (last !== undefined) this.#settle()
    return fresh
  }

  async #dropOldest(): Promise<void> {
    while (this.#bytes() > this.#maxBytes && this.#segments.length > 1) {
      const oldest = this.#segments.shift()
      if (oldest === undefined) return
      const left = owed(oldest)
      this.#owe(left, -1)
      if (left.readings > 0) this.#countDropped(left.readings)
      await deleteSegment(oldest)
    }
  }

  #countDropped(readings: number): void {
    this.#droppedReadings += readings
    this.#options.onDropped?.(readings)
  }

  #bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }

  async next(fromSequence: number): Promise<OutboxBatch | undefined> {
    for (const segment of this.#segments) {
      const end = segment.firstSequence + segment.entries.length
      for (let sequence = Math.max(fromSequence, segment.firstSequence); sequence < end; sequence++) {
        if (!segment.acknowledged.has(sequence)) return await this.#read(segment, sequence)
      }
    }
    return undefined
  }

  async #read(segment: Segment, sequence: number): Promise<OutboxBatch | undefined> {
    try {
      return await readBatch(segment, sequence)
    } catch (error) {
      // Dropped for room while it was being read: go on with the next one. Damage is counted as a drop.
      if (!this.#segments.includes(segment)) return await this.next(sequence + 1)
      const readings = segment.entries[sequence - segment.firstSequence]?.readings ?? 0
      this.#options.onTrouble?.('outbox-batch-damaged', { path: segment.path, sequence, trouble: String(error) })
      this.#countDropped(readings)
      this.acknowledge(sequence)
      return await this.next(sequence + 1)
    }
  }

  acknowledge(sequence: number): void {
    const segment = this.#segments.find(
      ({ firstSequence, entries }) => sequence >= firstSequence && sequence < firstSequence + entries.length,
    )
    if (segment === undefined || segment.acknowledged.has(sequence)) return
    segment.acknowledged.add(sequence)
    this.#owe({ batches: 1, readings: segment.entries[sequence - segment.firstSequence]?.readings ?? 0 }, -1)
    const unwritten = this.#acknowledged.get(segment)
    if (unwritten === undefined) this.#acknowledged.set(segment, [sequence])
    else unwritten.push(sequence)
    this.#settle()
  }

  #settle(): void {
    if (this.#closed) return
    this.#settling ??= this.#settleAll()
      .catch(error => this.#options.onTrouble?.('outbox-not-settled', { trouble: String(error) }))
      .finally(() => {
        this.#settling = undefined
        if (this.#acknowledged.size > 0) this.#settle()
      })
  }

  /** Writes acknowledgements down and deletes the segments that owe nothing more. */
  async #settleAll(): Promise<void> {
    while (this.#acknowledged.size > 0) {
      const taken = this.#acknowledged
      this.#acknowledged = new Map()
      for (const [segment, sequences] of taken) {
        if (this.#segments.includes(segment)) await writeAcknowledged(segment, sequences)
      }
    }
    // The newest stays, empty or not: its name keeps the sequence number.
    const done = this.#segments.slice(0, -1).filter(({ acknowledged, entries }) => acknowledged.size === entries.length)
    this.#segments = this.#segments.filter(segment => !done.includes(segment))
    for (const segment of done) await deleteSegment(segment)
  }

  status(): OutboxStatus {
    return {
      batches: this.#owedBatches,
      readings: this.#owedReadings,
      bytes: this.#bytes(),
      droppedReadings: this.#droppedReadings,
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#commitNow()
    while (this.#committing !== undefined) await this.#committing
    while (this.#settling !== undefined) await this.#settling
    await this.#settleAll()
    for (const segment of this.#segments) await segment.file.close()
  }
}

/** Cuts what waits into batches of one kind each, in order of arrival. */
function intoBatches(taken: readonly Waiting[], firstSequence: number): OutboxBatch[] {
  const batches: OutboxBatch[] = []
  for (const backlog of [false, true]) {
    const readings = taken.filter(waiting => waiting.backlog === backlog).flatMap(waiting => waiting.readings)
    for (let from = 0; from < readings.length; from += batchReadings) {
      const sequence = firstSequence + batches.length
      batches.push({ sequence, backlog, readings: readings.slice(from, from + batchReadings) })
    }
  }
  return batches
}
