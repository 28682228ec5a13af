/**
 * A warning as officers see it: one object per place × hazard × episode, from raised to verified.
 * `alerts` owns it; the console shows it and sends commands.
 */
import { z } from 'zod'
import { Certainty, Evidence, outcomes, Severity, Urgency } from './episode.ts'
import { Level } from './level.ts'
import { Mode } from './mode.ts'
import { Order } from './order.ts'
import { Text } from './text.ts'

/** ISA-18.2 §5.2 states: what the process does × what the officer has done. */
export const WarningState = z.enum([
  'active-unacknowledged',
  'active-acknowledged',
  'returned-unacknowledged',
  'resolved',
])
export type WarningState = z.infer<typeof WarningState>

/** One line of the timeline: machine and human events alike. */
export const TimelineEntry = z.object({
  atMs: z.number(),
  /** `machine`, or the name of the person. */
  by: z.string(),
  event: z.string(),
  detail: Text,
})
export type TimelineEntry = z.infer<typeof TimelineEntry>

export const WarningOutcome = z.object({
  outcome: z.enum(outcomes),
  onsetAtMs: z.number().optional(),
  leadMin: z.number().optional(),
  peak: z.number().optional(),
})

export const Warning = z.object({
  /** The episode's id. */
  id: z.string(),
  /** Counts every change; commands name the version they saw. */
  version: z.number().int(),
  placeId: z.string(),
  hazard: z.string(),
  title: Text,
  level: z.union([Level, z.literal('unknown')]),
  /** The worst level it had. */
  peakLevel: z.union([Level, z.literal('unknown')]),
  state: WarningState,
  mode: Mode,
  rule: z.string(),
  ruleVersion: z.string(),
  urgency: Urgency,
  severity: Severity,
  certainty: Certainty,
  expectedAtMs: z.object({ p10: z.number(), p50: z.number(), p90: z.number() }).optional(),
  probability: z.number().optional(),
  evidence: Evidence,
  retrospective: z.boolean(),
  raisedAtMs: z.number(),
  acknowledgedAtMs: z.number().optional(),
  acknowledgedBy: z.string().optional(),
  clearedAtMs: z.number().optional(),
  /** Who is being rung now: 0 duty officer, 1 shift lead, 2 district chief. */
  escalation: z.number().int(),
  /** When the next one is rung, unless somebody acknowledges. */
  escalatesAtMs: z.number().optional(),
  outcome: WarningOutcome.optional(),
  orders: z.array(Order),
  timeline: z.array(TimelineEntry),
})
export type Warning = z.infer<typeof Warning>

/** A unit as the console shows it. */
export const UnitStatus = z.object({
  unitId: z.string(),
  state: z.enum(['free', 'moving', 'staged', 'working', 'released', 'broken-down', 'silent']),
  orderId: z.string().optional(),
  lon: z.number(),
  lat: z.number(),
  atMs: z.number(),
})
export type UnitStatus = z.infer<typeof UnitStatus>
