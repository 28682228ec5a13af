/**
 * A store in memory that can be told to fail, for tests: same sensor and same time is one row, the last one wins.
 */
import type { ReadingBatch } from '@forewarn/contracts/reading'
import type { ReadingStore } from '@forewarn/store/reading-store'

export interface MemoryStore extends ReadingStore {
  /** `sensor@measuredAtMs` → value. */
  readonly rows: ReadonlyMap<string, number>
  /** Consulted before every write; what it returns is thrown. */
  failWith: (batches: readonly ReadingBatch[]) => Error | undefined
  /** Resolves once this many rows are kept. */
  holds(rows: number): Promise<void>
  writes: number
}

export function memoryStore(): MemoryStore {
  const rows = new Map<string, number>()
  let waiting: { rows: number; resolve: () => void }[] = []
  const store: MemoryStore = {
    rows,
    writes: 0,
    failWith: () => undefined,
    holds: count =>
      new Promise<void>(resolve => {
        waiting.push({ rows: count, resolve })
        settle()
      }),
    async write(batches) {
      store.writes++
      const error = store.failWith(batches)
      if (error !== undefined) throw error
      for (const { sensor, measuredAtMs, value } of batches)
        for (const [row, index] of sensor.entries()) rows.set(`${index}@${measuredAtMs[row]}`, value[row] ?? Number.NaN)
      settle()
    },
    latest: async () => [],
    range: async () => [],
    count: async () => rows.size,
    retain: async () => {},
    health: async () => [],
    close: async () => {},
  }
  function settle(): void {
    for (const one of waiting) if (rows.size >= one.rows) one.resolve()
    waiting = waiting.filter(one => rows.size < one.rows)
  }
  return store
}
