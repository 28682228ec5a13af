/**
 * Where plain messages gather their readings: columns that are used again for every message, and one block of memory
 * for those of each batch.
 */
import type { ReadingBatch } from '@forewarn/contracts/reading'
import { clockTolerance } from '../rows.ts'

/** Longer messages are read the long way. */
export const plainRowsAtMost = 8192

export class PlainRows {
  readonly #sensor = new Uint32Array(plainRowsAtMost)
  readonly #measuredAtMs = new Float64Array(plainRowsAtMost)
  readonly #value = new Float64Array(plainRowsAtMost)
  #oldestMs = 0
  #newestMs = 0
  rows = 0

  start(receivedAtMs: number): void {
    this.rows = 0
    this.#oldestMs = receivedAtMs - clockTolerance.behindMs
    this.#newestMs = receivedAtMs + clockTolerance.aheadMs
  }

  /** False when there is no room, or the time cannot be believed: then somebody else must look at the message. */
  add(sensor: number, measuredAtMs: number, value: number): boolean {
    const { rows } = this
    // Written so that a time that is no number is not credible either.
    if (rows === plainRowsAtMost || !(measuredAtMs >= this.#oldestMs && measuredAtMs <= this.#newestMs)) return false
    this.#sensor[rows] = sensor
    this.#measuredAtMs[rows] = measuredAtMs
    this.#value[rows] = value
    this.rows = rows + 1
    return true
  }

  /** All of quality good. */
  batch(about: Pick<ReadingBatch, 'gateway' | 'receivedAtMs' | 'sequence'>): ReadingBatch {
    const { rows } = this
    const { buffer, at } = memoryFor(rows * 21)
    const value = new Float64Array(buffer, at, rows)
    const measuredAtMs = new Float64Array(buffer, at + rows * 8, rows)
    const sensor = new Uint32Array(buffer, at + rows * 16, rows)
    for (let row = 0; row < rows; row++) {
      value[row] = this.#value[row] ?? 0
      measuredAtMs[row] = this.#measuredAtMs[row] ?? 0
      sensor[row] = this.#sensor[row] ?? 0
    }
    return { ...about, sensor, measuredAtMs, value, quality: new Uint8Array(buffer, at + rows * 20, rows) }
  }
}

const slabBytes = 32 * 1024
let slab = new ArrayBuffer(slabBytes)
let slabUsed = 0

/** Memory that nobody else uses. Small batches share a block: one of its own for each is what the collector minds most. */
function memoryFor(bytes: number): { buffer: ArrayBuffer; at: number } {
  if (bytes > slabBytes / 8) return { buffer: new ArrayBuffer(bytes), at: 0 }
  if (slabUsed + bytes > slabBytes) {
    slab = new ArrayBuffer(slabBytes)
    slabUsed = 0
  }
  const at = slabUsed
  slabUsed += Math.ceil(bytes / 8) * 8
  return { buffer: slab, at }
}
