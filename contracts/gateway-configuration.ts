/**
 * `GET /gateways/{id}/configuration` of the broker's inner server: the configuration that the house sent to a gateway
 * last, and what the gateway has said of it. Sent again on `…/config` as `GatewayConfiguration` (gateway-messages.ts).
 */
import { z } from 'zod'
import { Status } from './gateway-messages.ts'

/** One version as the house keeps it. */
export const SentConfiguration = z.object({
  /** Counted up by the house for each gateway; never used twice. */
  version: z.number().int().nonnegative(),
  /** As in `GatewayConfiguration`; empty: the gateway's own settings file and nothing over it. */
  settings: z.record(z.string(), z.unknown()),
  sentAtMs: z.number(),
  /** Who sent it. */
  by: z.string().optional(),
  /** The version whose settings were sent again with this one. */
  restores: z.number().int().nonnegative().optional(),
})
export type SentConfiguration = z.infer<typeof SentConfiguration>

/** What the gateway's status says; kept in memory, said again by the gateway every minute and at every connection. */
export const SaidOfConfiguration = Status.pick({
  state: true,
  configuration: true,
  configurationOnTrial: true,
  refusedConfiguration: true,
}).extend({
  receivedAtMs: z.number(),
})
export type SaidOfConfiguration = z.infer<typeof SaidOfConfiguration>

/**
 * `never-sent`: the house sent none. `waiting`: the gateway has not said what it makes of the last one. `on-trial`: it
 * runs on it and may yet take it back. `running`: it runs on it for good. `refused`: it does not, and said why; it runs
 * on the version it names, or on its own settings file.
 */
export const configurationStates = ['never-sent', 'waiting', 'on-trial', 'running', 'refused'] as const
export type ConfigurationState = (typeof configurationStates)[number]

export const ConfigurationReport = z.object({
  id: z.string(),
  state: z.enum(configurationStates),
  sent: SentConfiguration.optional(),
  /** Versions before it that are kept, newest first. */
  earlier: z.array(SentConfiguration.omit({ settings: true })),
  /** Absent when the gateway said nothing since the broker was started. */
  said: SaidOfConfiguration.optional(),
})
export type ConfigurationReport = z.infer<typeof ConfigurationReport>
