/**
 * Each message once to each client, exactly. Aedes drops whatever has a lower number than the newest it has sent to
 * a client, so that an order (QoS 1) overtaken by a later message vanishes although it was acknowledged
 * (moscajs/aedes issues 955 and 994). We make that test always pass and remember the numbers themselves.
 */
import type { Client } from 'aedes'

/** Makes Aedes' own test for duplicates say "new" for this client, always. */
export function disarmDuplicateTest(client: Client): void {
  const nothingSeen = new Proxy({}, { get: () => 0, set: () => true })
  Object.defineProperty(client, 'duplicates', { value: nothingSeen, configurable: true })
}

export interface SeenMessages {
  /** True the first time for each number. */
  isNew(counter: number): boolean
}

/** The last numbers sent to one client; overlapping filters ask for one message several times within moments. */
export function seenMessages({ keep = 4096 }: { keep?: number } = {}): SeenMessages {
  const numbers = new Set<number>()
  return {
    isNew(counter) {
      if (numbers.has(counter)) return false
      numbers.add(counter)
      if (numbers.size <= keep) return true
      // A Set iterates in the order of insertion: the first is the oldest.
      for (const oldest of numbers) {
        numbers.delete(oldest)
        break
      }
      return true
    },
  }
}
