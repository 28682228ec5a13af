/** For tests: waiting for what is seen when something arrives, without asking again and again. */

/** Resolves once the condition holds; it is looked at now and whenever one of those waiting is called. */
export function untilHolds(condition: () => boolean, waiting: Set<() => void>): Promise<void> {
  return new Promise(resolve => {
    const look = () => {
      if (!condition()) return
      waiting.delete(look)
      resolve()
    }
    waiting.add(look)
    look()
  })
}
