/**
 * What every store of readings promises, whoever keeps them: InfluxDB or the embedded one. Both pass
 * `conformance.ts`. A sensor is its index in `District.sensors` here; on disk it is its id, because the order of
 * the registry may change between two starts.
 */
import type { Check } from '@forewarn/contracts/health'
import type { Reading, ReadingBatch } from '@forewarn/contracts/reading'

/** The newest reading of one sensor, by its measured time. A value that was no number comes back as NaN. */
export type LatestReading = Reading

/**
 * One point of a chart. An exact reading has `count` 1 and `min` = `mean` = `max`. A down-sampled one stands for
 * all readings from `atMs` on, until the next bucket; a bucket without readings is left out, so a gap stays a gap.
 */
export interface SeriesPoint {
  /** Measured time of the reading, or where its bucket begins; UTC ms. */
  readonly atMs: number
  /** In the unit of the sensor's quantity, as are `mean` and `max`; NaN when no reading had a value. */
  readonly min: number
  readonly mean: number
  readonly max: number
  /** Readings it stands for. */
  readonly count: number
  /** Quality byte of the reading; for a bucket the highest quality code in it, without flags (0 = all good). */
  readonly quality: number
}

/** Which readings: `fromMs` ≤ measured time < `toMs`, UTC ms. */
export interface TimeRange {
  readonly fromMs: number
  readonly toMs: number
}

export interface SeriesRequest extends TimeRange {
  /** Index in `District.sensors`. */
  readonly sensor: number
  /** When more readings than this lie in the range, it is cut into this many buckets of equal length; at least 1. */
  readonly maxPoints?: number
}

export interface ReadingStore {
  /**
   * Keeps readings; resolves once they survive a crash. Same sensor and same measured time (in whole ms) is one
   * row, and the last one written wins, whenever the first came. Rejects with a StoreError when nothing, or only a
   * part, was kept: writing the same batches again is always safe. Throws RangeError for a sensor it does not know.
   */
  write(batches: readonly ReadingBatch[]): Promise<void>
  /** The newest reading of each of these sensors (all when undefined); a sensor that never spoke is left out. */
  latest(sensors: readonly number[] | undefined): Promise<LatestReading[]>
  /** The readings of one sensor in time order, exact, or as min, mean and max of buckets (`maxPoints`). */
  range(request: SeriesRequest): Promise<SeriesPoint[]>
  /** How many readings are kept: in the range, or altogether. */
  count(range?: TimeRange): Promise<number>
  /**
   * Deletes readings measured before `olderThanMs`, rounded down to the whole hour. Repeating it changes nothing.
   * Hourly figures may stay; `range` then gives one point an hour for that time, and `count` does not count them.
   */
  retain(options: { readonly olderThanMs: number }): Promise<void>
  /**
   * Copies the files of a store that lives in the data folder into `dir`, which is made: a store opened there has
   * everything written before. Writes wait meanwhile. A store on a server has no such method.
   */
  copyTo?(dir: string): Promise<void>
  /** How the store is, for `/health` and `forewarn doctor`. Never rejects. */
  health(): Promise<Check[]>
  /** Finishes what was begun and lets go of files and connections. Calling it again is harmless. */
  close(): Promise<void>
}

/** Why a store could not do it. Stable: callers branch on it. */
export const storeTroubles = [
  'store-locked',
  'store-folder-unusable',
  'store-damaged',
  'store-full',
  'store-unreachable',
  'store-refused',
  'store-closed',
  'store-failed',
] as const
export type StoreTrouble = (typeof storeTroubles)[number]

/** Thrown or rejected with by every store. `code` is for programs, `message` for the person who must act. */
export class StoreError extends Error {
  readonly code: StoreTrouble

  constructor(code: StoreTrouble, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
    this.code = code
  }
}
