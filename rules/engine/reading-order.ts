/**
 * From the order of arrival to the order of time, gateway by gateway. A reading waits until its gateway has spoken
 * of a time `latenessMs` later, or until it has waited that long; so readings shuffled within that bound give the
 * same result as readings in order. What comes later than that is delivered at once, and the engine sees it is late.
 */
import type { ReadingBatch } from '@forewarn/contracts/reading'

export interface OrderedReading {
  readonly sensor: number
  readonly measuredAtMs: number
  readonly value: number
  readonly quality: number
}

export type Deliver = (sensor: number, measuredAtMs: number, value: number, quality: number) => void

/** Readings of one gateway that wait; columns grow by doubling. */
interface Waiting {
  sensor: Uint32Array
  measuredAtMs: Float64Array
  receivedAtMs: Float64Array
  value: Float64Array
  quality: Uint8Array
  length: number
  sorted: boolean
  newestMeasuredMs: number
  /** Arrival of the one that has waited longest; Infinity when none waits. */
  oldestReceivedMs: number
}

/** What is kept over a restart. */
export interface WaitingReading extends OrderedReading {
  readonly gateway: number
  readonly receivedAtMs: number
}

export class ReadingOrder {
  readonly #waiting = new Map<number, Waiting>()
  readonly #latenessMs: number
  readonly #watched: Uint8Array
  readonly #deliver: Deliver

  /** `watched`: by sensor, 0 for those nobody asks about; they are passed over. */
  constructor({ latenessMs, watched, deliver }: { latenessMs: number; watched: Uint8Array; deliver: Deliver }) {
    this.#latenessMs = latenessMs
    this.#watched = watched
    this.#deliver = deliver
  }

  take(batch: ReadingBatch): void {
    const waiting = this.#of(batch.gateway)
    reserve(waiting, batch.sensor.length)
    for (let row = 0; row < batch.sensor.length; row++) {
      const sensor = batch.sensor[row] ?? 0
      if (this.#watched[sensor] !== 1) continue
      push(waiting, batch, row)
    }
    drain(waiting, waiting.newestMeasuredMs - this.#latenessMs, this.#deliver)
  }

  /** Delivers what has waited long enough by the house's time. */
  release(nowMs: number): void {
    const receivedUntilMs = nowMs - this.#latenessMs
    for (const waiting of this.#waiting.values()) {
      if (waiting.oldestReceivedMs > receivedUntilMs) continue
      const untilMs = newestReceivedBy(waiting, receivedUntilMs)
      if (untilMs > Number.NEGATIVE_INFINITY) drain(waiting, untilMs, this.#deliver)
    }
  }

  #of(gateway: number): Waiting {
    const known = this.#waiting.get(gateway)
    if (known !== undefined) return known
    const made = emptyWaiting()
    this.#waiting.set(gateway, made)
    return made
  }

  state(): WaitingReading[] {
    return [...this.#waiting].flatMap(([gateway, waiting]) =>
      Array.from({ length: waiting.length }, (_, row) => ({
        gateway,
        sensor: waiting.sensor[row] ?? 0,
        measuredAtMs: waiting.measuredAtMs[row] ?? 0,
        receivedAtMs: waiting.receivedAtMs[row] ?? 0,
        value: waiting.value[row] ?? Number.NaN,
        quality: waiting.quality[row] ?? 0,
      })),
    )
  }

  restore(readings: readonly WaitingReading[]): void {
    for (const reading of readings) {
      const waiting = this.#of(reading.gateway)
      reserve(waiting, 1)
      append(waiting, reading, reading.receivedAtMs)
    }
  }
}

function emptyWaiting(): Waiting {
  return {
    sensor: new Uint32Array(64),
    measuredAtMs: new Float64Array(64),
    receivedAtMs: new Float64Array(64),
    value: new Float64Array(64),
    quality: new Uint8Array(64),
    length: 0,
    sorted: true,
    newestMeasuredMs: Number.NEGATIVE_INFINITY,
    oldestReceivedMs: Number.POSITIVE_INFINITY,
  }
}

function reserve(waiting: Waiting, more: number): void {
  const needed = waiting.length + more
  if (needed <= waiting.sensor.length) return
  const size = 2 ** Math.ceil(Math.log2(needed))
  const grow = <A extends Uint8Array | Uint32Array | Float64Array>(from: A, to: A): A => {
    to.set(from)
    return to
  }
  waiting.sensor = grow(waiting.sensor, new Uint32Array(size))
  waiting.measuredAtMs = grow(waiting.measuredAtMs, new Float64Array(size))
  waiting.receivedAtMs = grow(waiting.receivedAtMs, new Float64Array(size))
  waiting.value = grow(waiting.value, new Float64Array(size))
  waiting.quality = grow(waiting.quality, new Uint8Array(size))
}

function push(waiting: Waiting, batch: ReadingBatch, row: number): void {
  const at = waiting.length
  const measuredAtMs = batch.measuredAtMs[row] ?? 0
  waiting.sensor[at] = batch.sensor[row] ?? 0
  waiting.measuredAtMs[at] = measuredAtMs
  waiting.receivedAtMs[at] = batch.receivedAtMs
  waiting.value[at] = batch.value[row] ?? Number.NaN
  waiting.quality[at] = batch.quality[row] ?? 0
  noteOrder(waiting, measuredAtMs, batch.receivedAtMs)
}

function append(waiting: Waiting, reading: OrderedReading, receivedAtMs: number): void {
  const at = waiting.length
  waiting.sensor[at] = reading.sensor
  waiting.measuredAtMs[at] = reading.measuredAtMs
  waiting.receivedAtMs[at] = receivedAtMs
  waiting.value[at] = reading.value
  waiting.quality[at] = reading.quality
  noteOrder(waiting, reading.measuredAtMs, receivedAtMs)
}

function noteOrder(waiting: Waiting, measuredAtMs: number, receivedAtMs: number): void {
  if (receivedAtMs < waiting.oldestReceivedMs) waiting.oldestReceivedMs = receivedAtMs
  if (waiting.length > 0 && measuredAtMs < (waiting.measuredAtMs[waiting.length - 1] ?? 0)) waiting.sorted = false
  if (measuredAtMs > waiting.newestMeasuredMs) waiting.newestMeasuredMs = measuredAtMs
  waiting.length += 1
}

function newestReceivedBy(waiting: Waiting, receivedUntilMs: number): number {
  let newest = Number.NEGATIVE_INFINITY
  for (let row = 0; row < waiting.length; row++) {
    if ((waiting.receivedAtMs[row] ?? 0) > receivedUntilMs) continue
    newest = Math.max(newest, waiting.measuredAtMs[row] ?? 0)
  }
  return newest
}

function drain(waiting: Waiting, untilMs: number, deliver: Deliver): void {
  if (!waiting.sorted) sort(waiting)
  const { sensor, measuredAtMs, value, quality, length } = waiting
  let row = 0
  while (row < length && (measuredAtMs[row] ?? 0) <= untilMs) {
    deliver(sensor[row] ?? 0, measuredAtMs[row] ?? 0, value[row] ?? Number.NaN, quality[row] ?? 0)
    row += 1
  }
  if (row > 0) dropFirst(waiting, row)
}

function dropFirst(waiting: Waiting, rows: number): void {
  const { length } = waiting
  waiting.length = length - rows
  waiting.oldestReceivedMs = Number.POSITIVE_INFINITY
  if (waiting.length === 0) {
    waiting.sorted = true
    return
  }
  waiting.sensor.copyWithin(0, rows, length)
  waiting.measuredAtMs.copyWithin(0, rows, length)
  waiting.receivedAtMs.copyWithin(0, rows, length)
  waiting.value.copyWithin(0, rows, length)
  waiting.quality.copyWithin(0, rows, length)
  for (let row = 0; row < waiting.length; row++) {
    waiting.oldestReceivedMs = Math.min(waiting.oldestReceivedMs, waiting.receivedAtMs[row] ?? 0)
  }
}

/** By time, then by sensor, then by value: the result must not depend on the order of arrival. */
function sort(waiting: Waiting): void {
  const { sensor, measuredAtMs, receivedAtMs, value, quality, length } = waiting
  const order = Uint32Array.from({ length }, (_, row) => row).sort(
    (a, b) =>
      (measuredAtMs[a] ?? 0) - (measuredAtMs[b] ?? 0) ||
      (sensor[a] ?? 0) - (sensor[b] ?? 0) ||
      (value[a] ?? 0) - (value[b] ?? 0),
  )
  waiting.sensor.set(order.map(row => sensor[row] ?? 0))
  const column = (from: Float64Array) => Float64Array.from(order, row => from[row] ?? 0)
  waiting.measuredAtMs.set(column(measuredAtMs))
  waiting.receivedAtMs.set(column(receivedAtMs))
  waiting.value.set(column(value))
  waiting.quality.set(Uint8Array.from(order, row => quality[row] ?? 0))
  waiting.sorted = true
}
