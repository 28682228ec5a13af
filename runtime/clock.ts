/**
 * The only place that asks what time it is. A drill clock is the same straight line for every part of the house:
 * house time = start + (wall − wall at start) × speed.
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

function makeClock(nowMs: () => number, speed: number): Clock {
  const wallDelayMs = (delayMs: number) => Math.max(0, delayMs / speed)
  const after = (delayMs: number, deed: () => void) => {
    const timer = setTimeout(deed, Math.min(wallDelayMs(delayMs), longestTimeoutMs))
    return () => clearTimeout(timer)
  }
  const every = (periodMs: number, deed: () => void) => {
    const timer = setInterval(deed, Math.max(1, Math.min(wallDelayMs(periodMs), longestTimeoutMs)))
    return () => clearInterval(timer)
  }
  return { nowMs, speed, after, every, wallDelayMs }
}

/** The wall clock. */
export function liveClock(): Clock {
  return makeClock(() => Date.now(), 1)
}

/** A drill's clock stands still until it is released: a house takes seconds to start, and hours would pass in it. */
export interface DrillClock extends Clock {
  release(): void
}

/**
 * A clock that stands at `startMs` (UTC ms) until released and then runs `speed` times as fast as the wall clock.
 * Timers set before the release begin to run at the release.
 * Throws RangeError for a speed that is not positive and finite.
 */
export function drillClock({ startMs, speed }: { startMs: number; speed: number }): DrillClock {
  if (!(speed > 0) || !Number.isFinite(speed)) throw new RangeError(`speed ${speed} is not a positive number`)
  // The monotonic clock: a drill must not jump when the machine's time is set.
  let wallStartMs: number | undefined
  const nowMs = () => (wallStartMs === undefined ? startMs : startMs + (performance.now() - wallStartMs) * speed)
  const running = makeClock(nowMs, speed)
  const waiting = new Set<() => void>()
  const whenReleased = (arm: () => () => void) => {
    if (wallStartMs !== undefined) return arm()
    let cancel: () => void = () => waiting.delete(begin)
    const begin = () => {
      cancel = arm()
    }
    waiting.add(begin)
    return () => cancel()
  }
  return {
    ...running,
    after: (delayMs, deed) => whenReleased(() => running.after(delayMs, deed)),
    every: (periodMs, deed) => whenReleased(() => running.every(periodMs, deed)),
    release() {
      wallStartMs ??= performance.now()
      for (const begin of waiting) begin()
      waiting.clear()
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
