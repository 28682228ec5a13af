/**
 * The HTTP wire of `alerts`: what the console reads, and the commands officers give.
 *
 *   GET  /warnings            → WarningsSnapshot (open ones, and those closed in the last 24 h)
 *   GET  /warnings/:id        → Warning
 *   GET  /score               → Score
 *   GET  /events              → server-sent events; `id` is a running number, `Last-Event-ID` resumes
 *   POST /commands            → CommandAnswer; 200 taken (or taken before), 409 somebody was first, 404, 422
 *   GET  /health              → ProcessHealth (contracts/health.ts)
 *
 * Every request carries `Authorization: Bearer <inner token>`; it never leaves the machine or the cell's network.
 */
import { z } from 'zod'
import { outcomes } from './episode.ts'
import { UnitStatus, Warning } from './warning.ts'

export const WarningsSnapshot = z.object({
  atMs: z.number(),
  /** Event number this snapshot includes: pass it as `Last-Event-ID`. */
  lastEventId: z.number().int(),
  warnings: z.array(Warning),
  units: z.array(UnitStatus),
})
export type WarningsSnapshot = z.infer<typeof WarningsSnapshot>

/** SSE `event:` names and their data. */
export const AlertsEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('warning'), warning: Warning }),
  z.object({ type: z.literal('unit'), unit: UnitStatus }),
])
export type AlertsEvent = z.infer<typeof AlertsEvent>

/** What an officer can do. Idempotent by `commandId`; `expectedVersion` is the version that was on screen. */
export const Command = z.object({
  commandId: z.string().min(8).max(64),
  warningId: z.string(),
  expectedVersion: z.number().int(),
  action: z.enum(['acknowledge', 'acknowledge-and-dispatch', 'veto', 'escalate', 'note', 'resolve']),
  by: z.string().min(1),
  /** When the officer pressed the key, by the officer's clock. */
  seenAtMs: z.number(),
  reason: z.string().max(500).optional(),
})
export type Command = z.infer<typeof Command>

export const CommandAnswer = z.object({
  result: z.enum(['taken', 'taken-before', 'somebody-was-first', 'not-possible', 'no-such-warning']),
  /** Who was first, for `somebody-was-first`; what stands in the way, for `not-possible`. */
  detail: z.string().optional(),
  warning: Warning.optional(),
})
export type CommandAnswer = z.infer<typeof CommandAnswer>

/** Verification so far. POD, FAR and CSI are undefined (null) while nothing could be counted. */
export const Score = z.object({
  counts: z.record(z.enum(outcomes), z.number().int()),
  pod: z.number().nullable(),
  far: z.number().nullable(),
  csi: z.number().nullable(),
  leadMinMedian: z.number().nullable(),
  byRule: z.array(
    z.object({ rule: z.string(), ruleVersion: z.string(), counts: z.record(z.enum(outcomes), z.number().int()) }),
  ),
})
export type Score = z.infer<typeof Score>
