/**
 * What the acceptance tests know of a recorded storm: when it really flooded, and how a drill of it is started.
 */
import { plainDrillSettings } from '@forewarn/deploy/drill-settings'
import { type Drill, type DrillOptions, startDrill } from '@forewarn/deploy/play'
import { type Recording, readRecording } from '@forewarn/simulators/recording'

const eventMinutes = 3

/** Onset (UTC ms) per site: the first of at least three minutes in a row at or above `limitM`. */
export function onsetsOf({ truth }: Recording, limitM: number): Map<string, number> {
  const onsets = new Map<string, number>()
  if (truth === undefined) return onsets
  for (const [site, levels] of truth.levelsM) {
    let run = 0
    for (const [index, level] of levels.entries()) {
      run = level !== null && level >= limitM ? run + 1 : 0
      if (run < eventMinutes) continue
      onsets.set(site, truth.firstAtMs + (index - run + 1) * truth.stepMs)
      break
    }
  }
  return onsets
}

/** How many different readings (sensor and time) a recording holds: what must stand in the store, once each. */
export function distinctReadings({ messages }: Recording): number {
  return new Set(messages.map(({ sensorId, measuredAtMs }) => `${sensorId} ${measuredAtMs}`)).size
}

/** A stretch of a recording. Readings before `fromMin` are told at once, those after `toMin` never. */
export async function stretchOf(name: string, { fromMin, toMin }: { fromMin: number; toMin: number }) {
  const whole = await readRecording(name)
  const endMs = whole.startMs + toMin * 60_000
  const messages = whole.messages.filter(({ arrivesAtMs }) => arrivesAtMs <= endMs)
  return { recording: { ...whole, endMs, messages }, fromMs: whole.startMs + fromMin * 60_000 }
}

/** Starts a drill on free ports in a folder that goes away. */
export async function drillOf(
  options: Pick<DrillOptions, 'recording' | 'speed' | 'fromMs' | 'dataDir' | 'uplinkThrough'>,
): Promise<Drill> {
  return startDrill({ ...options, settings: plainDrillSettings() })
}
