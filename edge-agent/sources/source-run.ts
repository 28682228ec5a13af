/** One source through its life: started, tried again when it could not start, stopped. */
import type { Clock } from '@forewarn/runtime/clock'
import type { PreparedSource, Source, SourceStatus, Surroundings } from './source.ts'

export interface SourceRun {
  readonly prepared: PreparedSource
  /** Resolves when the first start has worked or failed. */
  readonly tried: Promise<void>
  status(): SourceStatus
  pace(periodMsBySensor: ReadonlyMap<string, number>): void
  stop(): Promise<void>
}

export interface RunOptions {
  readonly file: string
  readonly prepared: PreparedSource
  readonly around: Surroundings
  readonly clock: Clock
}

/** A port that is taken, a serial line that is not plugged in: it may come. Wall time. */
const againAfterMs = 30_000

/** Begins at once; `tried` says when the first attempt is over. */
export function startRun(options: RunOptions): SourceRun {
  const run = new Run(options)
  return run
}

class Run implements SourceRun {
  readonly prepared: PreparedSource
  readonly tried: Promise<void>
  #options: RunOptions
  #source: Source | undefined
  #trouble = 'it has not started yet'
  #periods: ReadonlyMap<string, number> = new Map()
  #cancelAgain = () => {}
  #starting: Promise<void>
  #stopped = false

  constructor(options: RunOptions) {
    this.#options = options
    this.prepared = options.prepared
    this.#starting = this.#start()
    this.tried = this.#starting
  }

  async #start(): Promise<void> {
    const { prepared, around, clock, file } = this.#options
    try {
      const source = await prepared.start(around)
      this.#source = source
      source.pace?.(this.#periods)
    } catch (error) {
      this.#trouble = sentenceOf(error)
      around.log.error('source-not-started', { file, kind: prepared.kind, trouble: this.#trouble })
      if (this.#stopped) return
      this.#cancelAgain = clock.after(againAfterMs * clock.speed, () => (this.#starting = this.#start()))
    }
  }

  status(): SourceStatus {
    return this.#source?.status() ?? { state: 'troubled', trouble: this.#trouble, counts: {} }
  }

  pace(periodMsBySensor: ReadonlyMap<string, number>): void {
    this.#periods = periodMsBySensor
    this.#source?.pace?.(periodMsBySensor)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelAgain()
    await this.#starting
    this.#cancelAgain()
    await this.#source?.stop()
  }
}

/** With the cause: "listen on 0.0.0.0:5001" alone does not say that the port is taken. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
