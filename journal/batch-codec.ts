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
  const source = batchSource(batch)
  const bytes = Buffer.alloc(source.length)
  source.putInto(bytes, 0)
  return bytes
}

/** A batch that is still to be encoded, straight to where it is written from. */
export interface BatchSource {
  readonly batch: ReadingBatch
  /** Bytes that it will take. */
  readonly length: number
  /** Writes it to `target` from `at` on, with edition 0. */
  putInto(target: Buffer, at: number): void
}

/** Throws RangeError when the columns differ in length. The batch must not be changed any more. */
export function batchSource(batch: ReadingBatch): BatchSource {
  const { sensor, measuredAtMs, value, quality } = batch
  const rows = sensor.length
  if (measuredAtMs.length !== rows || value.length !== rows || quality.length !== rows)
    throw new RangeError('the columns of a batch differ in length')
  const areOffsets = timesAreOffsets(batch)
  return {
    batch,
    length: headerBytes + rows * (areOffsets ? 17 : 21),
    putInto(target, at) {
      putHeader(target, at, { batch, areOffsets })
      let to = putBytes(target, at + headerBytes, value)
      to = areOffsets ? putOffsets(target, to, batch) : putBytes(target, to, measuredAtMs)
      putBytes(target, putBytes(target, to, sensor), quality)
    },
  }
}

function putHeader(
  target: Buffer,
  at: number,
  { batch, areOffsets }: { batch: ReadingBatch; areOffsets: boolean },
): void {
  target[at] = version
  target[at + 1] = areOffsets ? flagTimesAreOffsets : 0
  target.writeUInt16LE(0, at + 2)
  target.writeUInt32LE(0, at + editionAt)
  target.writeUInt32LE(batch.gateway, at + 8)
  target.writeUInt32LE(batch.sensor.length, at + 12)
  target.writeDoubleLE(batch.receivedAtMs, at + 16)
  target.writeDoubleLE(batch.sequence, at + 24)
}

function putBytes(target: Buffer, at: number, column: Float64Array | Uint32Array | Uint8Array): number {
  target.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at)
  return at + column.byteLength
}

function putOffsets(target: Buffer, at: number, { measuredAtMs, receivedAtMs }: ReadingBatch): number {
  for (let row = 0; row < measuredAtMs.length; row++)
    target.writeInt32LE((measuredAtMs[row] ?? 0) - receivedAtMs, at + row * 4)
  return at + measuredAtMs.length * 4
}

/** All times are whole milliseconds from arrival that fit 32 bits (25 days). */
function timesAreOffsets({ measuredAtMs, receivedAtMs }: ReadingBatch): boolean {
  for (let row = 0; row < measuredAtMs.length; row++) {
    const offset = (measuredAtMs[row] ?? Number.NaN) - receivedAtMs
    if ((offset | 0) !== offset || receivedAtMs + offset !== measuredAtMs[row]) return false
  }
  return true
}

/** Whether `encodeBatch` may have written these bytes. */
export function isBatch(bytes: Uint8Array): boolean {
  return bytes.length >= headerBytes && bytes[0] === version
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
