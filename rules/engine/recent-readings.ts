/**
 * The last readings of those sensors that some rule looks back over, as rings in shared columns: ten thousand rings
 * are four arrays, so that the state is written to disk in one copy instead of ten thousand.
 */

/** What is kept over a restart: the ring of `sensor[i]` is the slots from `start[i]` to `start[i + 1]`. */
export interface RecentState {
  readonly sensor: Uint32Array
  readonly start: Uint32Array
  readonly next: Uint32Array
  readonly atMs: Float64Array
  readonly value: Float64Array
}

/** Readings looked back at: minutes after the beginning of the span, and values. */
export interface Seen {
  readonly minutes: number[]
  readonly values: number[]
}

/** What to keep of one sensor. */
export interface RingSize {
  readonly readings: number
  /** Readings closer together share a slot, so that the ring reaches back as far when a sensor speaks more often. */
  readonly spacingMs: number
  /** The value is an amount since the reading before: in a shared slot they add up. Otherwise the newest counts. */
  readonly isAmount: boolean
}

export class RecentReadings {
  readonly #ringOf = new Map<number, number>()
  readonly #sensor: Uint32Array
  readonly #start: Uint32Array
  /** Per ring: the slot that is written next, counted from its start. */
  readonly #next: Uint32Array
  readonly #atMs: Float64Array
  readonly #value: Float64Array

  readonly #sizes: readonly RingSize[]

  /** `sizes`: by sensor. */
  constructor(sizes: ReadonlyMap<number, RingSize>) {
    this.#sensor = Uint32Array.from(sizes.keys())
    this.#sizes = [...sizes.values()]
    this.#start = new Uint32Array(sizes.size + 1)
    this.#next = new Uint32Array(sizes.size)
    let end = 0
    for (const [ring, [sensor, { readings }]] of [...sizes].entries()) {
      this.#ringOf.set(sensor, ring)
      end += readings
      this.#start[ring + 1] = end
    }
    this.#atMs = new Float64Array(end).fill(Number.NEGATIVE_INFINITY)
    this.#value = new Float64Array(end)
  }

  /** Shared with the rings: serialise before they go on. */
  state(): RecentState {
    return { sensor: this.#sensor, start: this.#start, next: this.#next, atMs: this.#atMs, value: this.#value }
  }

  /** `today` maps the state's sensors to today's, -1 for those that are gone. A ring of another size begins anew. */
  restore(state: RecentState, today: Int32Array): void {
    for (const [old, sensor] of state.sensor.entries()) {
      const ring = this.#ringOf.get(today[sensor] ?? -1)
      if (ring === undefined) continue
      const [from = 0, to = 0] = state.start.subarray(old, old + 2)
      const [start = 0, end = 0] = this.#start.subarray(ring, ring + 2)
      if (to - from !== end - start) continue
      this.#atMs.set(state.atMs.subarray(from, to), start)
      this.#value.set(state.value.subarray(from, to), start)
      this.#next[ring] = state.next[old] ?? 0
    }
  }

  take(sensor: number, atMs: number, value: number): void {
    const ring = this.#ringOf.get(sensor)
    if (ring === undefined) return
    if (this.#share(ring, atMs, value)) return
    const { start, size, next } = this.#ring(ring)
    this.#atMs[start + next] = atMs
    this.#value[start + next] = value
    this.#next[ring] = (next + 1) % size
  }

  /** Puts a reading into the newest slot while that is close to the one before it; false when it needs its own. */
  #share(ring: number, atMs: number, value: number): boolean {
    const { start, size, next } = this.#ring(ring)
    const newest = start + ((next + size - 1) % size)
    const before = start + ((next + size - 2) % size)
    const newestMs = this.#atMs[newest] ?? Number.NaN
    const how = this.#sizes[ring]
    // -Infinity of an empty slot makes this NaN or Infinity: no sharing.
    const apartMs = newestMs - (this.#atMs[before] ?? Number.NaN)
    if (how === undefined || size < 2 || !(apartMs >= 0 && apartMs < how.spacingMs) || atMs <= newestMs) return false
    this.#atMs[newest] = atMs
    this.#value[newest] = how.isAmount ? (this.#value[newest] ?? 0) + value : value
    return true
  }

  /** Adds the readings of a sensor after `fromMs` to `seen`, oldest first. */
  since(sensor: number, fromMs: number, seen: Seen): void {
    const ring = this.#ringOf.get(sensor)
    if (ring === undefined) return
    const [start, next, end] = [this.#start[ring] ?? 0, this.#next[ring] ?? 0, this.#start[ring + 1] ?? 0]
    this.#gather(seen, { from: start + next, to: end, fromMs })
    this.#gather(seen, { from: start, to: start + next, fromMs })
  }

  #gather({ minutes, values }: Seen, { from, to, fromMs }: { from: number; to: number; fromMs: number }): void {
    for (let slot = from; slot < to; slot++) {
      const atMs = this.#atMs[slot] ?? Number.NEGATIVE_INFINITY
      if (atMs <= fromMs) continue
      minutes.push((atMs - fromMs) / 60_000)
      values.push(this.#value[slot] ?? Number.NaN)
    }
  }

  #ring(ring: number) {
    const start = this.#start[ring] ?? 0
    return { start, size: (this.#start[ring + 1] ?? 0) - start, next: this.#next[ring] ?? 0 }
  }
}
