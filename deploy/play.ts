/**
 * A recorded storm through a house of its own: own data folder, drill clock, everything marked as replay. The house
 * that watches the real district is not touched.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Score } from '@forewarn/contracts/alerts-api'
import type { Warning } from '@forewarn/contracts/warning'
import { type DrillClock, drillClock } from '@forewarn/runtime/clock'
import { openLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import type { Settings } from '@forewarn/runtime/settings'
import { districtForRecording, type MadeDistrict } from '@forewarn/simulators/make-district'
import type { PlayOptions, PlaySummary } from '@forewarn/simulators/play-recording'
import type { Recording } from '@forewarn/simulators/recording'
import { type AlertsReader, readAlerts } from './alerts-reader.ts'
import { takeDataDir } from './data-dir.ts'
import { serversOf } from './district-servers.ts'
import { startGovernor } from './governor.ts'
import { type House, startHouse } from './house.ts'
import type { HouseOptions } from './house-options.ts'
import { playStorm, type StormPlay } from './simulation.ts'

export interface DrillOptions {
  readonly recording: Recording
  /** 1 to 600 times. */
  readonly speed: number
  /** House time to begin at, UTC ms; what was measured before is told at once. The recording's start unless given. */
  readonly fromMs?: number | undefined
  readonly settings: Settings
  /** Kept after the drill when given; else a folder that goes away with it. */
  readonly dataDir?: string | undefined
  readonly uplinkThrough?: HouseOptions['uplinkThrough']
  readonly onStep?: ((step: string) => void) | undefined
  readonly onProgress?: PlayOptions['onProgress'] | undefined
  readonly signal?: AbortSignal | undefined
}

/** A drill that runs. */
export interface Drill {
  readonly house: House
  readonly made: MadeDistrict
  readonly clock: DrillClock
  readonly alerts: AlertsReader
  readonly logFile: string
  /** Resolves when the last reading was taken by the edge agent. */
  readonly played: Promise<PlaySummary>
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a house for a recording and lets it rain. Throws StartError for what a person can mend. */
export async function startDrill(options: DrillOptions): Promise<Drill> {
  const { recording, settings } = options
  const folder = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'forewarn-drill-')))
  const forget = async () => {
    if (options.dataDir === undefined) await rm(folder, { recursive: true, force: true })
  }
  const made = districtForRecording(recording, { seed: settings.seed })
  const clock = drillClock({ startMs: options.fromMs ?? recording.startMs, speed: options.speed })
  const logFile = join(folder, 'logs', 'forewarn.log')
  const house = await startDrillHouse({ options, made, clock, folder, logFile }).catch(async (error: unknown) => {
    await forget()
    throw error
  })
  const governor = startGovernor({ house, clock })
  const play = playStorm({ house, made, clock, recording, ...optional(options) })
  const stop = async () => {
    governor.stop()
    await stopPlay(play, house)
    await forget()
  }
  return {
    house,
    made,
    clock,
    logFile,
    alerts: readAlerts({ url: house.alertsUrl, token: house.secrets.innerToken }),
    played: play.played,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function optional({ onProgress, signal }: DrillOptions): Pick<PlayOptions, 'onProgress' | 'signal'> {
  return { ...(onProgress === undefined ? {} : { onProgress }), ...(signal === undefined ? {} : { signal }) }
}

async function stopPlay(play: StormPlay, house: House): Promise<void> {
  await play.stop()
  await house.stop()
}

interface DrillSite {
  readonly options: DrillOptions
  readonly made: MadeDistrict
  readonly clock: DrillClock
  readonly folder: string
  readonly logFile: string
}

async function startDrillHouse({ options, made, clock, folder, logFile }: DrillSite): Promise<House> {
  const { settings } = options
  return startHouse({
    ...made,
    ...serversOf(settings),
    dataDir: await takeDataDir(folder),
    host: settings.host,
    mqttPort: settings.mqttPort,
    httpPort: settings.httpPort,
    rulesDir: settings.rulesDir,
    officerPassword: settings.officerPassword,
    mode: 'replay',
    clock,
    log: openLog({ level: settings.logLevel, file: logFile }),
    metrics: createMetrics(),
    withEdgeAgent: true,
    uplinkThrough: options.uplinkThrough,
    onStep: options.onStep,
  })
}

export interface DrillResult {
  readonly summary: PlaySummary
  /** Rows in the store at the end. */
  readonly storedReadings: number
  readonly warnings: readonly Warning[]
  readonly score: Score
}

export interface PlayDrillOptions extends DrillOptions {
  /** Acknowledges every warning this long (house time, ms) after it was raised, as a calm officer would. */
  readonly acknowledgeAfterMs?: number | undefined
  readonly onStarted?: ((drill: Drill) => void) | undefined
  /** Every change of a warning, in order. */
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

/** Warnings are judged up to an hour after they were issued: the drill runs on for that long (house time). */
const judgementMs = 65 * 60_000

/** Plays a recording from begin to end and says what came of it. */
export async function playInDrillHouse(options: PlayDrillOptions): Promise<DrillResult> {
  await using drill = await startDrill(options)
  options.onStarted?.(drill)
  const watching = new AbortController()
  const promised = new Set<string>()
  const watched = drill.alerts.watch({
    signal: watching.signal,
    onWarning: warning => {
      if (isAfterTheEnd(warning, options.recording)) return
      options.onWarning?.(warning)
      if (promised.has(warning.id)) return
      promised.add(warning.id)
      acknowledgeInTime(drill, warning, options.acknowledgeAfterMs)
    },
  })
  const summary = await drill.played
  await houseTimePasses(drill, options.signal)
  const warnings = (await drill.alerts.snapshot()).warnings.filter(one => !isAfterTheEnd(one, options.recording))
  const score = await drill.alerts.score()
  const storedReadings = await drill.house.store.count()
  watching.abort()
  await watched
  return { summary, storedReadings, warnings, score }
}

/** Once the recording is told, every sensor is silent: that those places turn unknown says nothing of the storm. */
function isAfterTheEnd({ level, raisedAtMs }: Warning, { endMs }: Recording): boolean {
  return level === 'unknown' && raisedAtMs > endMs
}

function houseTimePasses({ clock }: Drill, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted === true) return resolve()
    const cancel = clock.after(judgementMs, resolve)
    signal?.addEventListener('abort', () => {
      cancel()
      resolve()
    })
  })
}

function acknowledgeInTime({ clock, alerts }: Drill, warning: Warning, afterMs: number | undefined): void {
  if (afterMs === undefined) return
  clock.after(afterMs, () => void alerts.acknowledge({ warningId: warning.id, by: 'drill', atMs: clock.nowMs() }))
}
