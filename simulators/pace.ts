/** The clock that simulations run by: the part of the house's clock they need, live or a drill's. */
export interface Pace {
  /** Now, UTC ms, in the house's time. */
  nowMs(): number
  /** How many times faster than the wall clock it runs. */
  readonly speed: number
  /** Calls `deed` once after `delayMs` of the house's time. Returns what cancels it. */
  after(delayMs: number, deed: () => void): () => void
  /** Calls `deed` every `periodMs` of the house's time until cancelled. */
  every(periodMs: number, deed: () => void): () => void
}

/** `houseMs` of the house's time, but never more often than every `leastWallMs` on the wall clock. */
export function pacedMs(pace: Pace, { houseMs, leastWallMs }: { houseMs: number; leastWallMs: number }): number {
  return Math.max(houseMs, leastWallMs * pace.speed)
}
