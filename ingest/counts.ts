/**
 * What ingest counts, for metrics and for `/health`.
 */
import type { Metrics } from '@forewarn/runtime/metrics'

export interface IngestCounts {
  accepted(readings: number): void
  rejected(reason: string, readings: number): void
  stored(readings: number): void
  storeFailed(): void
  setAside(batches: number): void
  storeLag(seconds: number): void
  totals(): IngestTotals
}

export interface IngestTotals {
  readonly accepted: number
  readonly rejected: number
  readonly stored: number
  readonly storeFailures: number
  readonly batchesSetAside: number
}

export function ingestCounts(metrics: Metrics): IngestCounts {
  const accepted = metrics.counter('forewarn_readings_accepted_total', 'Readings in the journal')
  const rejected = metrics.counter('forewarn_readings_rejected_total', 'Kept aside, by reason', ['reason'])
  const stored = metrics.counter('forewarn_readings_stored_total', 'Readings in the store, repeats included')
  const failures = metrics.counter('forewarn_store_write_failures_total', 'Writes that the store refused or missed')
  const aside = metrics.counter('forewarn_batches_set_aside_total', 'Batches that the store can never take')
  const lag = metrics.gauge('forewarn_store_lag_seconds', 'Age of the oldest reading that is not in the store yet')
  const totals = { accepted: 0, rejected: 0, stored: 0, storeFailures: 0, batchesSetAside: 0 }
  return {
    accepted(readings) {
      accepted.inc(readings)
      totals.accepted += readings
    },
    rejected(reason, readings) {
      rejected.inc({ reason }, readings)
      totals.rejected += readings
    },
    stored(readings) {
      stored.inc(readings)
      totals.stored += readings
    },
    storeFailed() {
      failures.inc()
      totals.storeFailures++
    },
    setAside(batches) {
      aside.inc(batches)
      totals.batchesSetAside += batches
    },
    storeLag: seconds => lag.set(seconds),
    totals: () => ({ ...totals }),
  }
}
