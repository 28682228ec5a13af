/**
 * Reads the journal for the engine, and moves its time on when nothing comes. Time comes from the readings while
 * there are any, and from the clock only when the reader has caught up: an old journal must not look like silence.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { KeptBatch, ReadingJournal } from '@forewarn/journal/reading-journal'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Engine } from './engine/engine.ts'
import type { Evaluated } from './evaluated.ts'
import type { Keeper } from './keeper.ts'

export interface FollowOptions {
  readonly journal: Pick<ReadingJournal, 'readBatches'>
  readonly from: number
  readonly engine: Engine
  readonly keeper: Keeper
  readonly evaluated: Pick<Evaluated, 'take'>
  readonly clock: Clock
  readonly log: Log
  /** Told of each batch once the engine has judged it: how many readings, and when the house had taken them in. */
  readonly onJudged: (batch: { readonly readings: number; readonly receivedAtMs: number }) => void
}

export interface Following {
  /** Next offset to be read. */
  position(): number
  damagedRecords(): number
  stop(): Promise<void>
}

/** Others in the process must get their turn while a long journal is read. */
const turnEveryMs = 8

/** Follows until stopped. Events are handed to the keeper as soon as they are decided. */
export function followJournal(options: FollowOptions): Following {
  const { journal, from, engine, keeper, evaluated, log, onJudged } = options
  const ending = new AbortController()
  const counts = { position: from, records: 0, damaged: 0, isWaiting: false }
  let turnedMs = performance.now()

  const takeOne = (record: KeptBatch) => {
    const { batch, unreadable } = record
    try {
      if (batch === undefined) throw new Error(unreadable?.reason)
      engine.take(batch)
      evaluated.take(record, true)
      onJudged({ readings: batch.sensor.length, receivedAtMs: batch.receivedAtMs })
    } catch (error) {
      counts.damaged += 1
      evaluated.take(record, false)
      log.error('journal-record-not-taken', { trouble: error instanceof Error ? error.message : String(error) })
    }
  }

  const takeAll = async (records: readonly KeptBatch[]) => {
    for (const record of records) {
      takeOne(record)
      counts.records += 1
      counts.position = record.next
      keeper.passed(record.next)
      if (engine.hasEvents) keeper.request()
      if (performance.now() - turnedMs <= turnEveryMs) continue
      await nextTurn()
      turnedMs = performance.now()
      if (ending.signal.aborted) return
    }
  }

  const follow = async () => {
    const chunks = journal.readBatches({ from, follow: true, signal: ending.signal })[Symbol.asyncIterator]()
    while (!ending.signal.aborted) {
      counts.isWaiting = true
      const { done, value } = await chunks.next()
      counts.isWaiting = false
      if (done) return
      await takeAll(value)
    }
  }

  const stopTicking = tick(options, counts)
  const running = follow().catch((error: unknown) => {
    if (!ending.signal.aborted) log.error('journal-not-followed', { trouble: String(error) })
  })
  return {
    position: () => counts.position,
    damagedRecords: () => counts.damaged,
    async stop() {
      stopTicking()
      ending.abort()
      await running
    },
  }
}

function tick(
  { engine, keeper, clock }: FollowOptions,
  counts: { readonly records: number; readonly isWaiting: boolean },
): () => void {
  let recordsAtLastTick = -1
  const stopSeconds = clock.every(Math.max(1000, 20 * clock.speed), () => {
    const hasCaughtUp = counts.isWaiting && counts.records === recordsAtLastTick
    recordsAtLastTick = counts.records
    if (!hasCaughtUp) return
    engine.advance(clock.nowMs())
    if (engine.hasEvents) keeper.request()
  })
  // The state is kept now and then even when nothing happens, so that the journal can be cut behind it. Not often: at
  // 100,000 sensors it stops everything else for some 30 ms, and reading half a minute again takes less than a second.
  const stopKeeping = clock.every(Math.max(30_000, 1000 * clock.speed), () => {
    if (keeper.isBehind) keeper.request()
  })
  return () => {
    stopSeconds()
    stopKeeping()
  }
}
