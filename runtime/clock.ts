/**
 * The only place that asks what time it is: the wall clock, a drill's clock that the whole house shares, and a hand
 * clock for tests.
 */
export interface Clock {
  /** Now, UTC ms, in the house's time. */
  nowMs(): number
  /** How many times faster than the wall clock it runs; 1 when live. */
  readonly speed: number
  /** Calls `deed` once after `delayMs` of the house's time. Returns what cancels it. */
  after(delayMs: number, deed: () => void): () => void
  /** Calls `deed` every `periodMs` of the house's time until cancelled. */
  every(periodMs: number, deed: () => void): () => void
  /** How long `delayMs` of the house's time lasts on the wall clock: for timers that others keep (BullMQ). */
  wallDelayMs(delayMs: number): number
}

const longestTimeoutMs = 2 ** 31 - 1

/** The wall clock. */
export function liveClock(): Clock {
  return {
    nowMs: () => Date.now(),
    speed: 1,
    after(delayMs, deed) {
      const timer = setTimeout(deed, Math.min(Math.max(0, delayMs), longestTimeoutMs))
      return () => clearTimeout(timer)
    },
    every(periodMs, deed) {
      const timer = setInterval(deed, Math.max(1, Math.min(periodMs, longestTimeoutMs)))
      return () => clearInterval(timer)
    },
    wallDelayMs: delayMs => Math.max(0, delayMs),
  }
}

/** A drill's clock stands still until it is released: a house takes seconds to start, and hours would pass in it. */
export interface DrillClock extends Clock {
  release(): void
  /** Stands still again, until the next release: for a house that has fallen behind. */
  hold(): void
}

/** How often a drill's clock looks at the wall clock, and the longest step it takes at a time, wall ms. */
const drillTickMs = 5
const longestDrillStepMs = 25

/**
 * A clock that stands at `startMs` (UTC ms) until released and then runs `speed` times as fast as the wall clock.
 * A process that was kept from running for a while does not find that hours have passed: the clock takes steps of
 * 25 wall ms at most. Timers go by this clock, also when it was held in between.
 * Throws RangeError for a speed that is not positive and finite.
 */
export function drillClock({ startMs, speed }: { startMs: number; speed: number }): DrillClock {
  if (!(speed > 0) || !Number.isFinite(speed)) throw new RangeError(`speed ${speed} is not a positive number`)
  const hand = handClock(startMs)
  let ticking: NodeJS.Timeout | undefined
  // The monotonic clock: a drill must not jump when the machine's time is set.
  let lastWallMs = 0
  const tick = () => {
    const wallMs = performance.now()
    const stepMs = Math.min(wallMs - lastWallMs, longestDrillStepMs)
    lastWallMs = wallMs
    hand.advance(stepMs * speed)
  }
  return {
    ...hand,
    speed,
    wallDelayMs: delayMs => Math.max(0, delayMs / speed),
    release() {
      if (ticking !== undefined) return
      lastWallMs = performance.now()
      ticking = setInterval(tick, drillTickMs)
      ticking.unref()
    },
    hold() {
      clearInterval(ticking)
      ticking = undefined
    },
  }
}

export interface HandClock extends Clock {
  /** Moves the clock and runs what falls due on the way, in order. */
  advance(byMs: number): void
}

/** A clock that only moves when told to: for tests of what happens at deadlines. */
export function handClock(startMs: number): HandClock {
  let now = startMs
  let nextId = 0
  const due = new Map<number, { atMs: number; deed: () => void }>()
  const after = (delayMs: number, deed: () => void) => {
    const id = nextId++
    due.set(id, { atMs: now + delayMs, deed })
    return () => void due.delete(id)
  }
  const every = (periodMs: number, deed: () => void) => {
    let cancel = after(periodMs, function tick() {
      cancel = after(periodMs, tick)
      deed()
    })
    return () => cancel()
  }
  return {
    nowMs: () => now,
    speed: 1,
    after,
    every,
    wallDelayMs: delayMs => delayMs,
    advance(byMs) {
      const untilMs = now + byMs
      for (let next = earliest(due, untilMs); next; next = earliest(due, untilMs)) {
        due.delete(next.id)
        now = Math.max(now, next.atMs)
        next.deed()
      }
      now = untilMs
    },
  }
}

function earliest(due: Map<number, { atMs: number; deed: () => void }>, untilMs: number) {
  let found: { id: number; atMs: number; deed: () => void } | undefined
  for (const [id, { atMs, deed }] of due) {
    if (atMs <= untilMs && (found === undefined || atMs < found.atMs)) found = { id, atMs, deed }
  }
  return found
}
