/**
 * A storm written by hand: what each road's sensor says, minute by minute. For promises that a recorded storm keeps
 * only by chance: a false alarm, an event nobody warned of.
 */
import type { Recording } from '@forewarn/simulators/recording'

const minuteMs = 60_000
const startMs = Date.UTC(2026, 6, 20, 15)

/** Levels in m by road, one a minute; a road whose list ends says its last level until `minutes` are over. */
export function writtenStorm({
  minutes,
  levelsM,
  underpasses = [],
}: {
  readonly minutes: number
  readonly levelsM: Readonly<Record<string, readonly number[]>>
  /** Which of them are underpasses; the others are low roads. */
  readonly underpasses?: readonly string[]
}): Recording {
  const messages = Array.from({ length: minutes }, (_, minute) =>
    Object.entries(levelsM).map(([road, levels]) => ({
      sensorId: `${road}.level`,
      quantity: 'water_depth' as const,
      measuredAtMs: startMs + minute * minuteMs,
      arrivesAtMs: startMs + minute * minuteMs,
      value: levels[minute] ?? levels.at(-1) ?? 0,
    })),
  )
  return {
    event: 'written-storm',
    catchment: 'written',
    layout: 'clean',
    startMs,
    endMs: startMs + minutes * minuteMs,
    sites: Object.keys(levelsM).map(id => ({
      id,
      kind: underpasses.includes(id) ? 'underpass' : 'low-road',
      quantity: 'water_depth',
      periodS: 60,
    })),
    gauges: [],
    messages: messages.flat(),
  }
}
