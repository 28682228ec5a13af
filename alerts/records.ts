/** What `alerts` keeps beside the warning itself, and the deeds that are due after a commit. */
import { LocalAlarm } from '@forewarn/contracts/gateway-messages'
import { Level } from '@forewarn/contracts/level'
import { Mode } from '@forewarn/contracts/mode'
import { OrderMessage } from '@forewarn/contracts/order'
import { Text } from '@forewarn/contracts/text'
import { Warning } from '@forewarn/contracts/warning'
import { z } from 'zod'

export const StoredWarning = z.object({
  /** Without orders: they are rows of their own. */
  warning: Warning,
  plan: z.string().optional(),
  /** The last event of the episode that was taken. */
  lastStep: z.number().int(),
  /** Version after the last command of a person that decided something, and who that was. */
  decidedVersion: z.number().int(),
  decidedBy: z.string(),
  /** Version after the level last rose: whoever saw an older one has not seen this level. */
  roseVersion: z.number().int(),
  /** The level whose dispatch was vetoed; only a worse one sends units again. */
  vetoedLevel: z.union([Level, z.literal('unknown')]).optional(),
  /** Units wanted and not found. */
  unmet: z.number().int(),
})
export type StoredWarning = z.infer<typeof StoredWarning>

/** An alarm that a gateway raised by itself. */
export const StoredAlarm = z.object({
  /** `{gateway}/{id}`: names it, however often it is delivered. */
  key: z.string(),
  number: z.number(),
  alarm: LocalAlarm,
  /** The warning that it is shown in. */
  warningId: z.string().optional(),
  /** How far its warning's timeline tells of it. */
  told: z.enum(['nothing', 'raised', 'cleared']),
})
export type StoredAlarm = z.infer<typeof StoredAlarm>

/** Done after the commit, at least once: performed again when the process died between deed and tick. */
export const Deed = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('ring'),
    warningId: z.string(),
    role: z.enum(['duty-officer', 'shift-lead', 'district-chief', 'operator']),
    level: z.string(),
    mode: Mode,
    title: Text,
  }),
  z.object({ kind: z.literal('await-escalation'), warningId: z.string(), dueAtMs: z.number() }),
  z.object({ kind: z.literal('await-veto'), orderId: z.string(), dueAtMs: z.number() }),
  z.object({ kind: z.literal('send-order'), gateway: z.string(), message: OrderMessage }),
])
export type Deed = z.infer<typeof Deed>

/** What travels in the queue `deadlines`. */
export const Deadline = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('escalation'), warningId: z.string(), dueAtMs: z.number() }),
  z.object({ kind: z.literal('veto'), orderId: z.string(), dueAtMs: z.number() }),
])
export type Deadline = z.infer<typeof Deadline>
export const deadlinesQueue = 'deadlines'
