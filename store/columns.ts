/**
 * Readings as the embedded store moves them: one typed array for each column, in the store's own keys, so that a
 * whole block crosses to the worker without a copy and enters DuckDB without a loop over values.
 */
import type { ReadingBatch } from '@forewarn/contracts/reading'

/** All columns have the same length. Times are int64 because that is what DuckDB's BIGINT vectors take. */
export interface ReadingColumns {
  /** The store's number for the sensor, stable on disk. */
  readonly key: Uint32Array<ArrayBuffer>
  /** Measured time, UTC ms. */
  readonly at: BigInt64Array<ArrayBuffer>
  /** Received minus measured time, ms: small, so it takes a byte or two on disk where the time itself takes six. */
  readonly lag: BigInt64Array<ArrayBuffer>
  /** NaN when the reading had no value. */
  readonly value: Float64Array<ArrayBuffer>
  readonly quality: Uint8Array<ArrayBuffer>
}

/** Columns for `length` readings, all zero. */
export function makeColumns(length: number): ReadingColumns {
  return {
    key: new Uint32Array(length),
    at: new BigInt64Array(length),
    lag: new BigInt64Array(length),
    value: new Float64Array(length),
    quality: new Uint8Array(length),
  }
}

/** The buffers to hand over when the columns are posted to another thread. */
export function buffersOf(columns: ReadingColumns): ArrayBuffer[] {
  return [columns.key.buffer, columns.at.buffer, columns.lag.buffer, columns.value.buffer, columns.quality.buffer]
}

/** Rows `from` up to `to`, sharing memory with the whole. */
export function sliceColumns(columns: ReadingColumns, { from, to }: { from: number; to: number }): ReadingColumns {
  return {
    key: columns.key.subarray(from, to),
    at: columns.at.subarray(from, to),
    lag: columns.lag.subarray(from, to),
    value: columns.value.subarray(from, to),
    quality: columns.quality.subarray(from, to),
  }
}

/**
 * Puts batches behind one another, in order. `keyOfSensor` is the key for each sensor index.
 * The only copy on the way: the batches belong to others (the rules read them too) and cannot be given away.
 * Throws RangeError for a sensor index that has no key.
 */
export function packBatches(batches: readonly ReadingBatch[], keyOfSensor: Uint32Array): ReadingColumns {
  const columns = makeColumns(batches.reduce((rows, batch) => rows + batch.sensor.length, 0))
  const atWords = wordsOf(columns.at)
  const lagWords = wordsOf(columns.lag)
  let row = 0
  for (const { sensor, measuredAtMs, receivedAtMs, value, quality } of batches) {
    columns.value.set(value, row)
    columns.quality.set(quality, row)
    for (let i = 0; i < sensor.length; i++, row++) {
      const key = keyOfSensor[sensor[i] ?? -1]
      if (key === undefined) throw new RangeError(`sensor index ${sensor[i]} is not in the registry`)
      columns.key[row] = key
      const atMs = Math.round(measuredAtMs[i] ?? 0)
      putInt64(atWords, row, atMs)
      putInt64(lagWords, row, Math.round(receivedAtMs) - atMs)
    }
  }
  return columns
}

/** The 32-bit halves of an int64 column. Little-endian, as every platform that Node runs on. */
export function wordsOf(column: BigInt64Array<ArrayBuffer>): Int32Array {
  return new Int32Array(column.buffer, column.byteOffset, column.length * 2)
}

/**
 * Puts a whole number into `row` of an int64 column.
 * Through two 32-bit words instead of BigInt(ms): a BigInt is an allocation for every reading.
 */
export function putInt64(words: Int32Array, row: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  words[row * 2] = value - high * 0x1_0000_0000
  words[row * 2 + 1] = high
}

/** The int64 in `row` as a number; exact up to 2^53, which is the year 287396. */
export function int64At(words: Int32Array, row: number): number {
  return (words[row * 2 + 1] ?? 0) * 0x1_0000_0000 + ((words[row * 2] ?? 0) >>> 0)
}
