/**
 * Lines that an InfluxDB will never take: told in the log, counted, and kept where a person can look at them.
 */
import { join } from 'node:path'
import { openKeptLines } from '@forewarn/ingest/kept-lines'
import type { OnPoison } from '@forewarn/store/influx/writing'
import type { HouseOptions } from './house-options.ts'

/** Opens `ingest/not-taken` in the data folder. Nothing it does can hold up the store. */
export async function openNotTaken({
  dataDir,
  log,
  metrics,
}: HouseOptions): Promise<{ note: OnPoison; close(): Promise<void> }> {
  const lines = await openKeptLines({ dir: join(dataDir, 'ingest', 'not-taken') })
  const counter = metrics.counter('forewarn_store_lines_not_taken_total', 'Lines the store will never take', ['reason'])
  return {
    note(poison) {
      counter.inc({ reason: poison.reason }, poison.lines)
      log.error('reading-not-taken', { ...poison })
      lines.add(poison).catch((cause: unknown) => log.error('reading-not-taken-not-kept', { reason: String(cause) }))
    },
    close: () => lines.close(),
  }
}
