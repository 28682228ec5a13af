/**
 * The ledger: how many readings each gateway sent in each hour of arrival, and how many of them every stage of the
 * house has had in its hands. Ingest answers `GET /ledger` with it; each stage counts for itself, and what they say
 * must agree (docs/OPERATIONS.md states the equations).
 */
import { z } from 'zod'
import { rejectionReasons } from './rejection.ts'

const Count = z.number().int().nonnegative()

/** Readings of one gateway (or of all, when `gateway` is null) that arrived in one hour. */
export const LedgerRow = z.object({
  gateway: z.string().nullable(),
  /** Where the hour begins, UTC ms. */
  hourMs: z.number(),
  /** As the gateway's status says: handed to its uplink, and dropped for want of room or for age; null: it says nothing. */
  sent: Count.nullable(),
  dropped: Count.nullable(),
  /** In messages whose acknowledgement was released. What was refused by reason is among them. */
  acknowledged: Count,
  /** Kept, but nobody knows whether the acknowledgement went out: a crash came in between. They come again. */
  unconfirmed: Count,
  /** Read back from the journal. */
  journalled: Count,
  /** Taken by the store; set aside because the store can never take them. */
  stored: Count,
  setAside: Count,
  /** Judged by the rules; null: the rules began anew within this hour and do not know. */
  evaluated: Count.nullable(),
  /** Refused, by reason. */
  rejected: z.partialRecord(z.enum(rejectionReasons), Count),
  /** In batches that came before, by their number. */
  duplicates: Count,
  /** Batches that never came, by the numbers around them; those that came late are taken back. */
  missingBatches: Count,
  /** In the journal, and not passed by the store or the rules yet. */
  waitingForStore: Count,
  waitingForRules: Count,
})
export type LedgerRow = z.infer<typeof LedgerRow>

/**
 * Where two counts disagree. `door`: acknowledged more than was kept. `store`: passed by the writer, and neither
 * stored nor set aside. `rules`: passed by the rules and not judged. `uplink`: the gateway was told that more is kept
 * than the house ever acknowledged.
 */
export const ledgerStages = ['uplink', 'door', 'store', 'rules'] as const
export type LedgerStage = (typeof ledgerStages)[number]

export const Imbalance = z.object({
  gateway: z.string(),
  hourMs: z.number(),
  stage: z.enum(ledgerStages),
  /** Readings that are missing; below zero: counted twice. */
  readings: z.number().int(),
  /** When it was first seen, UTC ms. */
  sinceMs: z.number(),
})
export type Imbalance = z.infer<typeof Imbalance>

/** `GET /ledger?hours=24&gateway=…` of ingest: newest hour first, summed over all gateways unless one is named. */
export const LedgerReport = z.object({
  atMs: z.number(),
  rows: z.array(LedgerRow),
  /** Those that outlasted the grace time; of all gateways and hours in memory. */
  imbalances: z.array(Imbalance),
  /** How long counts may disagree before it is said, ms of the house's time. */
  graceMs: z.number(),
})
export type LedgerReport = z.infer<typeof LedgerReport>

/** `GET /tally?since=…` of rules: what it has judged, by hour of arrival and gateway id; hours changed after `since`. */
export const EvaluatedTally = z.object({
  /** Journal offset where this count began, and the hour of the first record in it; hours up to it are not whole. */
  from: Count,
  firstHourMs: z.number().nullable(),
  /** Everything before this offset of the journal is in it. */
  position: Count,
  hours: z.array(z.object({ hourMs: z.number(), readings: z.record(z.string(), Count) })),
})
export type EvaluatedTally = z.infer<typeof EvaluatedTally>
