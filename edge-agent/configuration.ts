/**
 * What a gateway runs on beside its settings file: a configuration that the house sent, tried before it is trusted.
 * A new version is on trial until the uplink has stood at the end of `trialMs`; it is taken back when the agent
 * cannot run on it, loses its uplink for as long, or does not come through three starts. The one before is on disk
 * all the while, so that a kill at any moment leaves one of the two.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GatewayConfiguration, Status } from '@forewarn/contracts/gateway-messages'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import { z } from 'zod'
import { EmergencyRule } from './emergency.ts'
import { replaceFile } from './replace-file.ts'

/** What may be configured from afar. Nothing here can name a broker, a password or an output. */
export const RemoteSettings = z
  .strictObject({
    format: z.enum(['senml', 'columns']),
    metered: z.boolean(),
    batchLingerMs: z.number().int().min(0).max(60_000),
    outboxMaxMb: z.number().positive().max(100_000),
    outboxMaxDays: z.number().positive().max(3650),
    emergencyRules: z.array(EmergencyRule).max(200),
    /** Seconds between two measurements, by sensor; the profile's own when a sensor is not named. */
    samplingS: z.record(z.string(), z.number().positive()),
    /** Device profiles as YAML text, by file name; they take the place of those of the same name. */
    profiles: z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.ya?ml$/), z.string().max(200_000)),
  })
  .partial()
export type RemoteSettings = z.infer<typeof RemoteSettings>

const Version = z.object({ version: z.number().int().nonnegative(), settings: RemoteSettings })
type Version = z.infer<typeof Version>

const State = z.object({
  current: Version.optional(),
  trial: Version.extend({ sinceMs: z.number(), starts: z.number().int() }).optional(),
  refused: z.object({ version: z.number().int(), reason: z.string() }).optional(),
})
type State = z.infer<typeof State>

export interface ConfigurationOptions {
  /** Holds `configuration.json`. */
  readonly dir: string
  readonly clock: Clock
  readonly log: Log
  /** How long a new version is on trial, and how long it may go without uplink; house time. */
  readonly trialMs: number
  /** Makes the agent run on these settings, whatever it ran on before. Rejects with a reason when it cannot. */
  readonly apply: (settings: RemoteSettings) => Promise<void>
  /** Something that `status` tells has changed. */
  readonly onChanged: () => void
}

export interface Configuration {
  /** A configuration came; one that is known already changes nothing. Resolves once it is tried or refused. */
  offer(configuration: GatewayConfiguration): Promise<void>
  uplink(up: boolean): void
  status(): Pick<Status, 'configuration' | 'configurationOnTrial' | 'refusedConfiguration'>
  stop(): Promise<void>
}

const lookEveryMs = 10_000
const leastLookWallMs = 1000
const startsAtMost = 3

/** Takes up the configuration that the last life left. Resolves once the agent runs on it. */
export async function openConfiguration(options: ConfigurationOptions): Promise<Configuration> {
  const configuration = new TriedConfiguration(options, readState(options))
  await configuration.begin()
  return configuration
}

class TriedConfiguration implements Configuration {
  #options: ConfigurationOptions
  #state: State
  #path: string
  /** When the uplink last stood; a trial's own beginning before that. */
  #upAtMs = 0
  #isUp = false
  #turn: Promise<void> = Promise.resolve()
  #cancelLook: () => void

  constructor(options: ConfigurationOptions, state: State) {
    this.#options = options
    this.#state = state
    this.#path = join(options.dir, 'configuration.json')
    const everyMs = Math.max(lookEveryMs, leastLookWallMs * options.clock.speed)
    this.#cancelLook = options.clock.every(everyMs, () => void this.#inTurn(() => this.#judge()))
  }

  async begin(): Promise<void> {
    const { trial } = this.#state
    this.#upAtMs = this.#options.clock.nowMs()
    if (trial === undefined) return await this.#applyCurrent()
    if (trial.starts >= startsAtMost)
      return await this.#takeBack(`the agent did not come through ${trial.starts} starts`)
    // Counted before it is tried: a version that kills the agent at once is counted too.
    await this.#keepIfPossible({ ...this.#state, trial: { ...trial, starts: trial.starts + 1 } })
    const reason = await this.#try(trial)
    if (reason !== undefined) await this.#takeBack(reason)
  }

  async #applyCurrent(): Promise<void> {
    await this.#options.apply(this.#state.current?.settings ?? {}).catch(async (error: unknown) => {
      // It ran on it before, so the world has changed (a file, a port): better its settings file than not at all.
      const version = this.#state.current?.version
      this.#options.log.error('configuration-not-applied', { version, trouble: reasonOf(error) })
      if (version !== undefined) this.#state = { ...this.#state, refused: { version, reason: reasonOf(error) } }
      await this.#options.apply({})
    })
  }

  #inTurn(deed: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(deed).catch((error: unknown) => {
      this.#options.log.error('configuration-troubled', { trouble: reasonOf(error) })
    })
    return this.#turn
  }

  offer(configuration: GatewayConfiguration): Promise<void> {
    return this.#inTurn(async () => {
      const { version } = configuration
      const before = this.#state
      const { current, trial, refused } = before
      // Retained: it comes with every connection.
      if (version === (trial ?? current)?.version || version === refused?.version) return
      const settings = RemoteSettings.safeParse(configuration.settings)
      if (!settings.success) return await this.#refuse(version, z.prettifyError(settings.error).replaceAll('\n', '; '))
      const nowMs = this.#options.clock.nowMs()
      // On disk before it is tried: should it kill the agent, the next start knows what did.
      const kept = { version, settings: settings.data, sinceMs: nowMs, starts: 1 }
      await this.#keep({ current, trial: kept })
      const upBeforeMs = this.#upAtMs
      this.#upAtMs = nowMs
      const reason = await this.#try(kept)
      if (reason === undefined) return
      if (trial === undefined) return await this.#takeBack(reason)
      // The one that was on trial a moment ago goes on with its own.
      this.#upAtMs = upBeforeMs
      await this.#keepIfPossible({ current, trial, refused: { version, reason } })
      const again = await this.#try(trial)
      if (again !== undefined) await this.#takeBack(again)
    })
  }

  /** Why the agent cannot run on it; undefined when it does. */
  async #try(trial: Version): Promise<string | undefined> {
    this.#options.log.info('configuration-on-trial', { version: trial.version })
    try {
      await this.#options.apply(trial.settings)
    } catch (error) {
      return `it cannot run on it: ${reasonOf(error)}`
    }
    this.#options.onChanged()
    return undefined
  }

  async #takeBack(reason: string): Promise<void> {
    const { trial, current } = this.#state
    if (trial === undefined) return
    await this.#keepIfPossible({ current, refused: { version: trial.version, reason } })
    this.#options.log.error('configuration-taken-back', { version: trial.version, to: current?.version, reason })
    await this.#applyCurrent()
    this.#options.onChanged()
  }

  async #refuse(version: number, reason: string): Promise<void> {
    await this.#keepIfPossible({ ...this.#state, refused: { version, reason } })
    this.#options.log.error('configuration-refused', { version, reason })
    this.#options.onChanged()
  }

  /** Ends a trial that has lasted long enough, one way or the other. */
  async #judge(): Promise<void> {
    const { clock, trialMs, log, onChanged } = this.#options
    const { trial } = this.#state
    if (trial === undefined) return
    const nowMs = clock.nowMs()
    if (this.#isUp) this.#upAtMs = nowMs
    if (nowMs - this.#upAtMs >= trialMs)
      return await this.#takeBack(`no uplink for ${Math.round(trialMs / 60_000)} minutes with it`)
    if (!this.#isUp || nowMs - trial.sinceMs < trialMs) return
    const { version, settings } = trial
    await this.#keep({ current: { version, settings } })
    log.info('configuration-confirmed', { version })
    onChanged()
  }

  /** Rejects when it is not on disk; then nothing has changed. */
  async #keep(state: State): Promise<void> {
    await replaceFile(this.#path, JSON.stringify(state))
    this.#state = state
  }

  /** The way back must not hang on a disk that is full: the next start finds the trial and counts on. */
  async #keepIfPossible(state: State): Promise<void> {
    this.#state = state
    await replaceFile(this.#path, JSON.stringify(state)).catch((error: unknown) => {
      this.#options.log.error('configuration-not-kept', { trouble: reasonOf(error) })
    })
  }

  uplink(up: boolean): void {
    this.#isUp = up
    this.#upAtMs = this.#options.clock.nowMs()
  }

  status(): Pick<Status, 'configuration' | 'configurationOnTrial' | 'refusedConfiguration'> {
    const { current, trial, refused } = this.#state
    const runsOn = trial ?? current
    return {
      ...(runsOn === undefined ? {} : { configuration: runsOn.version, configurationOnTrial: trial !== undefined }),
      ...(refused === undefined ? {} : { refusedConfiguration: refused }),
    }
  }

  async stop(): Promise<void> {
    this.#cancelLook()
    await this.#turn
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${reasonOf(error.cause)}`
}

function readState({ dir, log }: ConfigurationOptions): State {
  try {
    return State.parse(JSON.parse(readFileSync(join(dir, 'configuration.json'), 'utf8')))
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (!missing) log.error('configuration-unreadable', { trouble: reasonOf(error) })
    return {}
  }
}
