/**
 * A ReadingBatch as bytes and back: a header and four columns, no JSON. 17 bytes a reading (21 when a time is no
 * whole millisecond near the arrival). Numbers are little-endian, as every machine we run on has them in memory.
 *
 *   0  u8 version (1)     1  u8 flags     2  u16 unused     4  u32 edition of the registry (0: the writer's own)
 *   8  u32 gateway       12  u32 rows    16  f64 receivedAtMs              24  f64 sequence
 *  32  value f64 × rows, then time (f64, or i32 ms from receivedAtMs) × rows, sensor u32 × rows, quality u8 × rows
 */
import type { ReadingBatch } from '@forewarn/contracts/reading'

const version = 1
const headerBytes = 32
const editionAt = 4
const flagTimesAreOffsets = 1

/** A batch in bytes. Its columns must have the same length; throws RangeError otherwise. */
export function encodeBatch(batch: ReadingBatch): Uint8Array {
  const { gateway, receivedAtMs, sequence, sensor, measuredAtMs, value, quality } = batch
  const rows = sensor.length
  if (measuredAtMs.length !== rows || value.length !== rows || quality.length !== rows)
    throw new RangeError('the columns of a batch differ in length')
  const offsets = timeOffsets(batch)
  const times = offsets ?? measuredAtMs
  const bytes = new Uint8Array(headerBytes + value.byteLength + times.byteLength + sensor.byteLength + rows)
  const header = new DataView(bytes.buffer)
  header.setUint8(0, version)
  header.setUint8(1, offsets === undefined ? 0 : flagTimesAreOffsets)
  header.setUint32(8, gateway, true)
  header.setUint32(12, rows, true)
  header.setFloat64(16, receivedAtMs, true)
  header.setFloat64(24, sequence, true)
  let at = headerBytes
  for (const column of [value, times, sensor, quality]) {
    bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at)
    at += column.byteLength
  }
  return bytes
}

/** Milliseconds from arrival, when all are whole and fit 32 bits (25 days). */
function timeOffsets({ measuredAtMs, receivedAtMs }: ReadingBatch): Int32Array | undefined {
  const offsets = new Int32Array(measuredAtMs.length)
  for (let row = 0; row < measuredAtMs.length; row++) {
    const offset = (measuredAtMs[row] ?? Number.NaN) - receivedAtMs
    if ((offset | 0) !== offset || receivedAtMs + offset !== measuredAtMs[row]) return undefined
    offsets[row] = offset
  }
  return offsets
}

/** The batch in these bytes. Throws RangeError for bytes that `encodeBatch` did not write. */
export function decodeBatch(bytes: Uint8Array): ReadingBatch {
  if (bytes.length < headerBytes || bytes[0] !== version)
    throw new RangeError('no batch of readings, or of a newer kind')
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const rows = header.getUint32(12, true)
  const receivedAtMs = header.getFloat64(16, true)
  const areOffsets = header.getUint8(1) === flagTimesAreOffsets
  const timeBytes = areOffsets ? 4 : 8
  if (bytes.length !== headerBytes + rows * (8 + timeBytes + 4 + 1)) throw new RangeError('a batch cut short')
  const timesAt = headerBytes + rows * 8
  const sensorsAt = timesAt + rows * timeBytes
  const qualitiesAt = sensorsAt + rows * 4
  return {
    gateway: header.getUint32(8, true),
    receivedAtMs,
    sequence: header.getFloat64(24, true),
    // Copies: a column must begin at a multiple of its item's size, and records begin anywhere.
    value: new Float64Array(copied(bytes, headerBytes, timesAt)),
    measuredAtMs: areOffsets
      ? absolute(new Int32Array(copied(bytes, timesAt, sensorsAt)), receivedAtMs)
      : new Float64Array(copied(bytes, timesAt, sensorsAt)),
    sensor: new Uint32Array(copied(bytes, sensorsAt, qualitiesAt)),
    quality: new Uint8Array(copied(bytes, qualitiesAt, bytes.length)),
  }
}

function copied(bytes: Uint8Array, from: number, to: number): ArrayBuffer {
  const copy = new ArrayBuffer(to - from)
  new Uint8Array(copy).set(bytes.subarray(from, to))
  return copy
}

function absolute(offsets: Int32Array, receivedAtMs: number): Float64Array {
  const times = new Float64Array(offsets.length)
  for (let row = 0; row < offsets.length; row++) times[row] = receivedAtMs + (offsets[row] ?? 0)
  return times
}

/** Which edition of the registry the indices in an encoded batch mean; 0 for the writer's own. */
export function editionOf(encoded: Uint8Array): number {
  return new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength).getUint32(editionAt, true)
}

/** Writes the edition into an encoded batch, in place. */
export function setEdition(encoded: Uint8Array, edition: number): void {
  new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength).setUint32(editionAt, edition, true)
}
