/**
 * The weather of a simulation: for any catchment how much it rained, for any flood point how high the water stands,
 * at any time. Pure once the recordings are read.
 */
import { hash } from './chance.ts'
import { type Recording, type RecordingTruth, readRecording } from './recording.ts'
import { ScenarioError, type Storm } from './scenario.ts'
import { knownSites } from './shipped-storms.ts'

const minuteMs = 60_000
/** After its recording ends, water goes down to a third in this time. */
const drainMs = 20 * minuteMs
/** Points without a recording of their own stand a little less deep than the recorded one they follow. */
const followerShare = 0.8

export interface FloodPoint {
  readonly placeId: string
  readonly catchment: string | undefined
}

export interface StormTale {
  /** mm that fell on a catchment from `fromMs` to `toMs`. */
  rainMm(catchment: string, span: { fromMs: number; toMs: number }): number
  /** Water at a flood point, m relative to the road: negative in the manhole, 0 on a dry road without one. */
  levelM(point: FloodPoint, atMs: number): number
  /** Whether it rains anywhere. */
  rains(atMs: number): boolean
}

interface Downpour {
  /** House time at which the recording begins. */
  readonly startMs: number
  readonly mmPerMinute: readonly number[]
  readonly truth: RecordingTruth
  readonly siteIds: readonly string[]
}

/** Lays the storms of a scenario over the house's time. Throws ScenarioError for a recording that knows no truth. */
export async function tellStorms(storms: readonly Storm[], { startMs }: { startMs: number }): Promise<StormTale> {
  const downpours = new Map<string, Downpour>()
  for (const { recording: name, fromMin } of storms) {
    const recording = await readRecording(name)
    downpours.set(recording.catchment, downpourOf(recording, startMs - fromMin * minuteMs))
  }
  return {
    rainMm: (catchment, span) => rainMm(downpours.get(catchment), span),
    levelM: ({ placeId, catchment = '' }, atMs) => levelM(downpours.get(catchment), { placeId, atMs }),
    rains: atMs =>
      [...downpours.values()].some(downpour => rainMm(downpour, { fromMs: atMs - minuteMs, toMs: atMs }) > 0),
  }
}

function downpourOf(recording: Recording, startMs: number): Downpour {
  const { truth, event, gauges, sites, messages } = recording
  const [gauge] = gauges
  if (truth === undefined || gauge === undefined || truth.stepMs !== minuteMs) {
    throw new ScenarioError('bad-scenario', `${event} cannot rain on a simulation: that needs a clean recording`)
  }
  const mmPerMinute = messages.filter(({ sensorId }) => sensorId === gauge).map(({ value }) => value)
  return { startMs, mmPerMinute, truth, siteIds: sites.map(({ id }) => id) }
}

function rainMm(downpour: Downpour | undefined, { fromMs, toMs }: { fromMs: number; toMs: number }): number {
  if (downpour === undefined) return 0
  const from = (fromMs - downpour.startMs) / minuteMs
  const to = (toMs - downpour.startMs) / minuteMs
  let sumMm = 0
  for (let minute = Math.max(0, Math.floor(from)); minute < Math.min(to, downpour.mmPerMinute.length); minute++) {
    const share = Math.min(to, minute + 1) - Math.max(from, minute)
    sumMm += (downpour.mmPerMinute[minute] ?? 0) * Math.max(0, share)
  }
  return sumMm
}

function levelM(downpour: Downpour | undefined, { placeId, atMs }: { placeId: string; atMs: number }): number {
  const dryM = -0.9 * (knownSites.get(placeId)?.manholeDepthM ?? 0)
  if (downpour === undefined) return dryM
  const own = downpour.truth.levelsM.get(placeId)
  if (own !== undefined) return along(own, { downpour, atMs }) ?? dryM
  const followed = downpour.siteIds[hash(placeId) % downpour.siteIds.length] ?? ''
  const levels = downpour.truth.levelsM.get(followed) ?? []
  return followerShare * Math.max(0, along(levels, { downpour, atMs }) ?? 0)
}

/** The level between two minutes; before the recording its first one, after it the last one draining away. */
function along(
  levels: readonly (number | null)[],
  { downpour, atMs }: { downpour: Downpour; atMs: number },
): number | undefined {
  const place = (atMs - downpour.startMs) / minuteMs - 1
  const first = levels[0] ?? undefined
  if (place <= 0) return first
  const index = Math.floor(place)
  const before = levels[index] ?? undefined
  const after = levels[index + 1] ?? undefined
  if (before !== undefined && after !== undefined) return before + (after - before) * (place - index)
  if (index < levels.length - 1) return before
  const last = levels.at(-1) ?? undefined
  if (last === undefined || first === undefined) return first
  const sinceMs = (place - (levels.length - 1)) * minuteMs
  return first + (last - first) * Math.exp(-sinceMs / drainMs)
}
