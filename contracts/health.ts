/**
 * How a process says that it is well. Every process answers `GET /health` with this; `forewarn doctor` and the
 * console's system page show it.
 */
import { z } from 'zod'
import { Rejection, rejectionReasons } from './rejection.ts'

export const Check = z.object({
  name: z.string(),
  status: z.enum(['ok', 'warning', 'failed']),
  detail: z.string(),
  /** What a person should do about it; empty when nothing. */
  remedy: z.string().default(''),
})
export type Check = z.infer<typeof Check>

export const ProcessHealth = z.object({
  process: z.string(),
  atMs: z.number(),
  checks: z.array(Check),
  /** Counters and gauges worth showing, by name. */
  figures: z.record(z.string(), z.number()),
})
export type ProcessHealth = z.infer<typeof ProcessHealth>

/** `GET /quarantine` of ingest: what was refused or kept aside, newest first, and how often for each reason. */
export const QuarantineReport = z.object({
  counts: z.partialRecord(z.enum(rejectionReasons), z.number().int()),
  newest: z.array(Rejection),
})
export type QuarantineReport = z.infer<typeof QuarantineReport>
