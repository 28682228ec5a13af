/**
 * Stopping in order: what was started last stops first, each within its share of the time, and one that hangs or
 * throws does not keep the others from stopping.
 */
import type { Log } from './log.ts'

export interface OrderlyStop {
  /** Adds something that must be stopped; it will be stopped before everything added earlier. */
  add(name: string, stop: () => Promise<void> | void): void
  /** Stops everything once; later calls wait for the same stop. Resolves with the names of those that failed. */
  stop(): Promise<string[]>
}

/** Steps are taken the last one first. All together have `deadlineMs` of wall time, each at least 100 ms. */
export function orderlyStop({ log, deadlineMs = 5000 }: { log: Log; deadlineMs?: number }): OrderlyStop {
  const steps: { name: string; stop: () => Promise<void> | void }[] = []
  let stopping: Promise<string[]> | undefined
  return {
    add: (name, stop) => void steps.unshift({ name, stop }),
    stop: () => (stopping ??= stopAll(steps, { log, deadlineMs })),
  }
}

interface StopStep {
  readonly name: string
  readonly stop: () => Promise<void> | void
}

async function stopAll(
  steps: readonly StopStep[],
  { log, deadlineMs }: { log: Log; deadlineMs: number },
): Promise<string[]> {
  const endMs = performance.now() + deadlineMs
  const failed: string[] = []
  for (const step of steps) {
    const leftMs = Math.max(100, endMs - performance.now())
    const trouble = await stopOne(step, leftMs)
    if (trouble === undefined) continue
    failed.push(step.name)
    log.error('stop-failed', { part: step.name, trouble })
  }
  return failed
}

async function stopOne(step: StopStep, withinMs: number): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>(resolve => {
    timer = setTimeout(() => resolve(`not stopped after ${Math.round(withinMs)} ms`), withinMs)
  })
  const stopped = Promise.resolve()
    .then(() => step.stop())
    .then(
      () => undefined,
      (error: unknown) => String(error),
    )
  const trouble = await Promise.race([stopped, late])
  clearTimeout(timer)
  return trouble
}
