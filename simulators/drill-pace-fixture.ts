/** For tests: a fast clock of the shape the house gives. */
import type { Pace } from './pace.ts'

export function drillPace({ startMs, speed }: { startMs: number; speed: number }): Pace {
  const wallStartMs = performance.now()
  return {
    speed,
    nowMs: () => startMs + (performance.now() - wallStartMs) * speed,
    after: (delayMs, deed) => {
      const timer = setTimeout(deed, delayMs / speed)
      return () => clearTimeout(timer)
    },
    every: (periodMs, deed) => {
      const timer = setInterval(deed, Math.max(1, periodMs / speed))
      return () => clearInterval(timer)
    },
  }
}
