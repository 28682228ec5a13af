/**
 * Keeps one source running per profile: of the folder on this machine, and of the configuration that came from the
 * house. A changed profile restarts its own source and no other; one that is broken leaves the source it had running.
 */
import { watch } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { SenmlReading } from '@forewarn/contracts/senml'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import type { SourceSteering } from '../line.ts'
import { Pace } from './pace.ts'
import { profileTexts, readProfile, troubleText } from './profiles.ts'
import { openRefusedBox, type RefusedBox } from './refused-box.ts'
import type { PreparedSource, SourceStatus, Surroundings } from './source.ts'
import { type SourceRun, startRun } from './source-run.ts'

export interface SourcesOptions {
  /** Holds `*.yaml`, one profile each; made when it is not there. Without it only what comes from afar runs. */
  readonly profilesDir?: string | undefined
  /** Holds `refused.jsonl`. */
  readonly dataDir: string
  readonly gateways: readonly string[]
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

/** Takes readings into a gateway's outbox; resolves when they are on disk. */
export type Append = (
  gateway: string,
  readings: readonly SenmlReading[],
  options: { backlog: boolean },
) => Promise<void>

/** One profile, as an operator sees it. */
export interface ProfileStatus {
  readonly file: string
  readonly kind: string
  readonly gateway: string
  readonly status: SourceStatus
  /** What is wrong with the file as it is now; the source still runs on the one before. */
  readonly broken?: readonly string[]
}

export interface Sources {
  /** What the uplink of one gateway may tell its sources. */
  steering(gateway: string): SourceSteering
  /** Starts what the profiles say. Call once, when outboxes are open. */
  begin(append: Append): Promise<void>
  /** Reads the folder again; resolves when every change has been acted on. */
  rescan(): Promise<void>
  status(): readonly ProfileStatus[]
  refused(): Readonly<Record<string, number>>
  stop(): Promise<void>
}

/** Several events for one saved file are one change. Wall time, both: files are a machine's matter. */
const settleMs = 300
/** Not every file system tells of changes: the folder is looked through from time to time as well. */
const lookEveryMs = 60_000

/** Sources that follow the profiles of their folder and those that come from the house. */
export function openSources(options: SourcesOptions): Sources {
  return new RunningSources(options)
}

/** What should run, by file name; profiles from afar take the place of a file of the same name. */
interface Wanted {
  readonly text: string
  /** Of a profile that came from the house. */
  readonly forGateway?: string
}

class RunningSources implements Sources {
  #options: SourcesOptions
  #log: Log
  #box: RefusedBox
  #pace: Pace
  #counters: ReturnType<typeof countersOf>
  #append: Append | undefined
  #runs = new Map<string, SourceRun>()
  #texts = new Map<string, string>()
  #broken = new Map<string, readonly string[]>()
  #remote = new Map<string, ReadonlyMap<string, string>>()
  #turn: Promise<void> = Promise.resolve()
  #cancels: (() => void)[] = []
  #cancelSettle = () => {}

  constructor(options: SourcesOptions) {
    this.#options = options
    this.#log = options.log
    this.#counters = countersOf(options.metrics)
    this.#pace = new Pace({ clock: options.clock, onChanged: () => this.#tellPace() })
    this.#box = openRefusedBox({
      file: join(options.dataDir, 'refused.jsonl'),
      clock: options.clock,
      log: options.log,
      onRefused: (source, reason) => this.#counters.refused.inc({ source, reason }),
    })
  }

  steering(gateway: string): SourceSteering {
    return {
      configure: async ({ profiles = {}, samplingS = {} }) => {
        const texts = new Map(Object.entries(profiles))
        await this.#checkRemote(gateway, texts)
        this.#remote.set(gateway, texts)
        this.#pace.configure(gateway, samplingS)
        if (this.#append !== undefined) await this.rescan()
      },
      sampleFaster: command => this.#pace.faster(command),
    }
  }

  /** Throws with a sentence when one of the profiles could not run: then none of them is taken over. */
  async #checkRemote(gateway: string, texts: ReadonlyMap<string, string>): Promise<void> {
    for (const [file, text] of texts) {
      const read = await readProfile(file, text)
      if ('troubles' in read) throw new Error(read.troubles.map(troubleText).join('; '))
      const trouble = remoteTrouble(read.prepared, gateway)
      if (trouble !== undefined) throw new Error(`${file}: ${trouble}`)
    }
  }

  async begin(append: Append): Promise<void> {
    this.#append = append
    const { profilesDir } = this.#options
    if (profilesDir !== undefined) await this.#watch(profilesDir)
    await this.rescan()
  }

  /** Without the folder the agent still takes pushes and profiles from afar. */
  async #watch(dir: string): Promise<void> {
    const { clock } = this.#options
    try {
      await mkdir(dir, { recursive: true })
      const watcher = watch(dir, () => this.#rescanSoon())
      watcher.on('error', error => this.#log.warn('profiles-not-watched', { dir, trouble: error.message }))
      this.#cancels.push(() => watcher.close())
    } catch (error) {
      this.#log.error('profiles-not-watched', { dir, trouble: String(error) })
    }
    this.#cancels.push(clock.every(lookEveryMs * clock.speed, () => void this.rescan()))
  }

  #rescanSoon(): void {
    const { clock } = this.#options
    this.#cancelSettle()
    this.#cancelSettle = clock.after(settleMs * clock.speed, () => void this.rescan())
  }

  rescan(): Promise<void> {
    this.#turn = this.#turn
      .then(() => this.#scan())
      .catch(error => this.#log.error('profiles-not-read', { trouble: String(error) }))
    return this.#turn
  }

  async #scan(): Promise<void> {
    const wanted = await this.#wanted()
    for (const [file, run] of this.#runs) if (!wanted.has(file)) await this.#end(file, run)
    for (const file of this.#texts.keys()) {
      if (wanted.has(file)) continue
      this.#texts.delete(file)
      this.#broken.delete(file)
    }
    for (const [file, { text, forGateway }] of wanted) {
      if (this.#texts.get(file) === text) continue
      this.#texts.set(file, text)
      await this.#change(file, text, forGateway)
    }
    this.#warnOfDoubles()
  }

  async #wanted(): Promise<ReadonlyMap<string, Wanted>> {
    const { profilesDir } = this.#options
    const local = profilesDir === undefined ? new Map<string, string>() : await profileTexts(profilesDir)
    const wanted = new Map<string, Wanted>([...local].map(([file, text]) => [file, { text }]))
    for (const [gateway, texts] of this.#remote)
      for (const [file, text] of texts) wanted.set(file, { text, forGateway: gateway })
    return wanted
  }

  async #end(file: string, run: SourceRun): Promise<void> {
    this.#runs.delete(file)
    await run.stop()
    this.#log.info('source-ended', { file })
  }

  async #change(file: string, text: string, forGateway: string | undefined): Promise<void> {
    const read = await readProfile(file, text)
    const troubles = 'troubles' in read ? read.troubles.map(troubleText) : this.#misplaced(read.prepared, forGateway)
    if ('troubles' in read || troubles.length > 0) return this.#keepOld(file, troubles)
    this.#broken.delete(file)
    const before = this.#runs.get(file)
    await before?.stop()
    const run = startRun({ file, prepared: read.prepared, around: this.#aroundOf(file), clock: this.#options.clock })
    this.#runs.set(file, run)
    await run.tried
    this.#tellPace()
    this.#log.info(before === undefined ? 'source-started' : 'source-restarted', {
      ...{ file, kind: read.prepared.kind, gateway: read.prepared.gateway },
    })
  }

  #misplaced(prepared: PreparedSource, forGateway: string | undefined): readonly string[] {
    const { gateways } = this.#options
    const { gateway } = prepared
    if (!gateways.includes(gateway)) {
      return [`gateway: "${gateway}" is none of this agent's; those are ${gateways.join(', ')}`]
    }
    const trouble = forGateway === undefined ? undefined : remoteTrouble(prepared, forGateway)
    return trouble === undefined ? [] : [trouble]
  }

  #keepOld(file: string, troubles: readonly string[]): void {
    this.#broken.set(file, troubles)
    this.#log.error('profile-broken', { file, troubles, stillRunning: this.#runs.has(file) })
  }

  #aroundOf(file: string): Surroundings {
    const { clock } = this.#options
    return {
      clock,
      log: this.#log.with({ profile: file }),
      refuse: refusal => this.#box.put({ source: file, ...refusal }),
      take: async (gateway, readings, how) => {
        if (readings.length === 0) return
        if (this.#append === undefined) throw new Error('the agent has not begun')
        await this.#append(gateway, readings, how)
        this.#counters.taken.inc({ source: file }, readings.length)
      },
    }
  }

  /** Two profiles that speak of one sensor would write over each other's readings. */
  #warnOfDoubles(): void {
    const owner = new Map<string, string>()
    for (const [file, { prepared }] of this.#runs) {
      for (const sensor of prepared.sensors) {
        const other = owner.get(sensor)
        if (other !== undefined && other !== file) this.#log.warn('sensor-in-two-profiles', { sensor, file, other })
        owner.set(sensor, file)
      }
    }
  }

  #tellPace(): void {
    for (const run of this.#runs.values()) run.pace(this.#pace.periodMsBySensor())
  }

  status(): readonly ProfileStatus[] {
    const files = new Set([...this.#runs.keys(), ...this.#broken.keys()])
    return [...files].toSorted().map(file => {
      const run = this.#runs.get(file)
      const broken = this.#broken.get(file)
      return {
        file,
        kind: run?.prepared.kind ?? '?',
        gateway: run?.prepared.gateway ?? '?',
        status: run?.status() ?? { state: 'troubled', trouble: 'the profile is broken and never ran', counts: {} },
        ...(broken === undefined ? {} : { broken }),
      }
    })
  }

  refused(): Readonly<Record<string, number>> {
    return this.#box.counts()
  }

  async stop(): Promise<void> {
    this.#cancelSettle()
    for (const cancel of this.#cancels) cancel()
    this.#pace.stop()
    await this.#turn
    await Promise.all([...this.#runs.values()].map(run => run.stop()))
    await this.#box.close()
  }
}

/** What a profile from afar may not do. */
function remoteTrouble({ gateway, changes }: PreparedSource, forGateway: string): string | undefined {
  if (gateway !== forGateway) return `gateway: a configuration of ${forGateway} cannot speak for ${gateway}`
  if (changes.length === 0) return undefined
  // Whoever can publish a configuration must not be able to switch pumps with it.
  return `a profile from afar may change nothing at a device, and this one allows ${changes.join(', ')}`
}

function countersOf(metrics: Metrics) {
  return {
    taken: metrics.counter('forewarn_edge_source_readings_total', 'readings taken from field sources, by profile', [
      'source',
    ]),
    refused: metrics.counter('forewarn_edge_source_refusals_total', 'what field sources refused, by reason', [
      ...['source', 'reason'],
    ]),
  }
}
