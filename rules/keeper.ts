/**
 * Keeps the promise that no warning is lost and none rings twice: an event goes to the queue only after the state
 * that decided it is on disk, together with the event. After a crash the event is there to be added again under the
 * same job id, and the state does not decide it anew.
 */
import { type EpisodeEvent, episodeJobId } from '@forewarn/contracts/episode'
import type { JournalConsumer } from '@forewarn/journal/consumers'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { JobQueue } from '@forewarn/runtime/queue'
import type { Engine } from './engine/engine.ts'
import { engineState } from './engine/engine-state.ts'
import type { Evaluated } from './evaluated.ts'
import { encodeSnapshot, type SnapshotFolder } from './snapshot.ts'

export interface KeeperOptions {
  readonly engine: Engine
  readonly snapshots: SnapshotFolder
  readonly evaluated: Pick<Evaluated, 'kept'>
  readonly queue: Pick<JobQueue, 'add'>
  readonly consumer: Pick<JournalConsumer, 'checkpoint'>
  readonly clock: Clock
  readonly log: Log
  /** Where the state stands in the journal, and what it had not passed on. */
  readonly from: { readonly journalNext: number; readonly outbox: readonly EpisodeEvent[] }
}

export interface KeeperFigures {
  readonly waitingEvents: number
  readonly snapshots: number
  /** Undefined while all is well. */
  readonly trouble: string | undefined
}

const retryMs = 5000

export class Keeper {
  readonly #options: KeeperOptions
  #position: number
  #keptPosition: number
  #outbox: EpisodeEvent[]
  #running: Promise<void> | undefined
  #isAskedAgain = false
  #isStopped = false
  #snapshots = 0
  #trouble: string | undefined

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#position = options.from.journalNext
    this.#keptPosition = options.from.journalNext
    this.#outbox = [...options.from.outbox]
  }

  /** The engine has taken everything before this offset. */
  passed(journalNext: number): void {
    this.#position = journalNext
  }

  /** Keeps soon. One write at a time: what comes meanwhile goes with the next. */
  request(): void {
    if (this.#isStopped) return
    if (this.#running !== undefined) {
      this.#isAskedAgain = true
      return
    }
    this.#running = this.#keepAll().finally(() => {
      this.#running = undefined
    })
  }

  /** Whether the journal has moved on since the state was last kept. */
  get isBehind(): boolean {
    return this.#position > this.#keptPosition || this.#outbox.length > 0
  }

  get figures(): KeeperFigures {
    return { waitingEvents: this.#outbox.length, snapshots: this.#snapshots, trouble: this.#trouble }
  }

  /** Begins nothing new; resolves when what is under way is over. What is not kept by then is lost, as in a crash. */
  async abandon(): Promise<void> {
    this.#isStopped = true
    this.#isAskedAgain = false
    await this.#running
  }

  /** Keeps once more and resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.request()
    this.#isStopped = true
    await this.#running
  }

  async #keepAll(): Promise<void> {
    do {
      this.#isAskedAgain = false
      await this.#keep()
    } while (this.#isAskedAgain)
  }

  async #keep(): Promise<void> {
    const { engine, snapshots, evaluated, consumer, log, clock } = this.#options
    this.#outbox.push(...engine.drain())
    const position = this.#position
    const outbox = [...this.#outbox]
    const bytes = encodeSnapshot({
      format: 2,
      registry: snapshots.registry,
      journalNext: position,
      engine: engineState(engine),
      outbox,
      evaluated: evaluated.kept(),
    })
    try {
      const isKept = await this.#write(bytes)
      await this.#send(outbox)
      this.#outbox.splice(0, outbox.length)
      if (!isKept) throw new Error('the state could not be written to disk')
      this.#keptPosition = position
      await consumer.checkpoint(position)
      this.#trouble = undefined
    } catch (error) {
      this.#trouble = error instanceof Error ? error.message : String(error)
      log.error('warnings-not-passed-on', { events: outbox.length, trouble: this.#trouble })
      clock.after(retryMs, () => this.request())
    }
  }

  async #write(bytes: Uint8Array): Promise<boolean> {
    try {
      await this.#options.snapshots.write(bytes)
      this.#snapshots += 1
      return true
    } catch (error) {
      // A full disk must not silence a warning: it is sent, and may ring again after a crash.
      this.#options.log.error('state-not-kept', { trouble: error instanceof Error ? error.message : String(error) })
      return false
    }
  }

  async #send(events: readonly EpisodeEvent[]): Promise<void> {
    if (events.length === 0) return
    await this.#options.queue.add(events.map(event => ({ jobId: episodeJobId(event), name: event.kind, data: event })))
    this.#options.log.info('episode-events-queued', { events: events.length })
  }
}
