/** Readings to test stores with: from six in the morning of a day in July, in as few words as a table needs. */
import type { ReadingBatch } from '@forewarn/contracts/reading'
import type { SeriesPoint } from './reading-store.ts'

/** Six in the morning of a day in July; whole hours from here are whole hours of UTC. */
export const sixMs = Date.UTC(2026, 6, 1, 6)
export const hourMs = 3_600_000
/** More than the time that any of these readings lies in. */
export const allTimes = { fromMs: sixMs - 1000 * hourMs, toMs: sixMs + 1000 * hourMs }

/** One row of a batch: sensor, measured time after six (ms), value. */
type Row = readonly [sensor: number, afterMs: number, value: number]

/** A batch of these rows, all of one quality and received at one time. */
export function batchOf(rows: readonly Row[], more: { quality?: number; receivedAtMs?: number } = {}): ReadingBatch {
  return {
    gateway: 0,
    receivedAtMs: more.receivedAtMs ?? sixMs + 10 * hourMs,
    sequence: -1,
    sensor: Uint32Array.from(rows, ([sensor]) => sensor),
    measuredAtMs: Float64Array.from(rows, ([, afterMs]) => sixMs + afterMs),
    value: Float64Array.from(rows, ([, , value]) => value),
    quality: new Uint8Array(rows.length).fill(more.quality ?? 0),
  }
}

/** The part of a registry that stores need. */
export function sensorsNamed(...ids: readonly string[]): { id: string }[] {
  return ids.map(id => ({ id }))
}

/** The point that one reading comes back as. */
export function exact(afterMs: number, value: number, quality = 0): SeriesPoint {
  return { atMs: sixMs + afterMs, min: value, mean: value, max: value, count: 1, quality }
}

/** Four sensors with ordinary ids. */
export const four = sensorsNamed('gauge-1', 'gauge-2', 'rain.3', 'pump_4')
