/**
 * `GET /gateways` of ingest: what each gateway of the registry was heard to say of itself, and whether its clock is
 * right. In memory there: after a restart it fills again within a period.
 */
import { z } from 'zod'
import { Birth, Status } from './gateway-messages.ts'

export const GatewayState = z.object({
  id: z.string(),
  lastHeardMs: z.number().optional(),
  /** As it said on `status`; absent before it said anything. */
  online: z.boolean().optional(),
  birth: Birth.omit({ sensors: true }).extend({ atMs: z.number(), sensors: z.number().int() }).optional(),
  status: Status.extend({ receivedAtMs: z.number() }).optional(),
  /** Batches that never came, by the numbers of those that did. */
  missingBatches: z.number().int(),
  /** Devices behind it that said they are gone (a will, an availability, a death certificate); the first hundred. */
  offlineDevices: z.array(z.string()).optional(),
  /** While times of it cannot be believed: its clock less the house's, since when, and how many sensors say so. */
  wrongClock: z.object({ offsetHours: z.number(), sinceMs: z.number(), sensors: z.number().int() }).optional(),
  /** When its clock was last found right again, UTC ms. */
  clockMendedAtMs: z.number().optional(),
})
export type GatewayState = z.infer<typeof GatewayState>

export const GatewayReport = z.object({ gateways: z.array(GatewayState) })
export type GatewayReport = z.infer<typeof GatewayReport>
