/**
 * What a gateway and the house say to each other beside readings: birth, status, commands, configuration, local
 * alarms. JSON on the channel of the same name; retained where it says so.
 */
import { z } from 'zod'
import { Id } from './district.ts'

/**
 * `…/birth`, retained: who speaks, and the list that `…/columns` counts in. `birth` is a number of the gateway's own
 * that changes whenever the list does. A gateway that only sends SenML may leave it out.
 */
export const Birth = z.object({
  birth: z.number().int().nonnegative().optional(),
  sensors: z.array(z.string().min(1).max(200)).max(50_000).default([]),
  software: z.string().max(100).optional(),
  /** Version of the configuration it runs on. */
  configuration: z.number().int().nonnegative().optional(),
})
export type Birth = z.infer<typeof Birth>

/**
 * `…/status`, retained; the will is `{"state":"offline"}`. The counters run from the first start of the outbox and
 * never go back: the ledger sets them against what arrived.
 */
export const Status = z.object({
  state: z.enum(['online', 'offline']),
  atMs: z.number().optional(),
  /** The gateway's clock minus the house's, as measured by the gateway, ms. */
  clockOffsetMs: z.number().optional(),
  /** Number that the next batch will have. */
  nextSequence: z.number().int().nonnegative().optional(),
  /** Readings handed to the uplink for the first time, acknowledged, dropped for want of room or for age. */
  sentReadings: z.number().int().nonnegative().optional(),
  acknowledgedReadings: z.number().int().nonnegative().optional(),
  droppedReadings: z.number().int().nonnegative().optional(),
  /** The same by reason: the outbox was full, they had waited too long, the disk gave back something else. */
  droppedBy: z
    .object({
      bytes: z.number().int().nonnegative(),
      age: z.number().int().nonnegative(),
      damaged: z.number().int().nonnegative(),
    })
    .optional(),
  /** What waits in the outbox. */
  waitingReadings: z.number().int().nonnegative().optional(),
  waitingBytes: z.number().int().nonnegative().optional(),
  /** Version of the remote configuration it runs on; absent when it runs on its settings file alone. */
  configuration: z.number().int().nonnegative().optional(),
  /** Whether that version is still on trial: it may be taken back yet. */
  configurationOnTrial: z.boolean().optional(),
  /** The version it was last asked to run on and does not, and why. */
  refusedConfiguration: z.object({ version: z.number().int(), reason: z.string() }).optional(),
})
export type Status = z.infer<typeof Status>

/** `…/command`, downwards, not retained. `id` makes a repeat harmless. */
export const Command = z.discriminatedUnion('kind', [
  /** Say your birth and status again: the house has lost the list that your columns count in. */
  z.object({ kind: z.literal('rebirth'), id: z.string() }),
  /** Measure these sensors at least so often until then; after it, or with `periodS` null, as configured. */
  z.object({
    kind: z.literal('sample'),
    id: z.string(),
    sensors: z.array(Id).min(1),
    periodS: z.number().positive().nullable(),
    untilMs: z.number(),
  }),
  /**
   * The house's clock, asked for or given from time to time: the gateway measures its offset by it. In answer to a
   * status, `id` is that status' `atMs` as text: then the round trip is known.
   */
  z.object({ kind: z.literal('time'), id: z.string(), houseMs: z.number() }),
])
export type Command = z.infer<typeof Command>

/**
 * `…/config`, downwards, retained: the agent's configuration as a whole. The agent tries it, and goes back to the one
 * before when it cannot run on it or loses its uplink with it; either way its status says which it runs on.
 */
export const GatewayConfiguration = z.object({
  version: z.number().int().nonnegative(),
  /** Written over the settings file's fields of the same name; see docs beside the agent. */
  settings: z.record(z.string(), z.unknown()),
})
export type GatewayConfiguration = z.infer<typeof GatewayConfiguration>

/**
 * `…/alarm`: what an agent's own emergency rule did while nobody could be asked. Kept in its outbox like readings; the
 * house puts it into the episode of the same place and hazard.
 */
export const LocalAlarm = z.object({
  id: z.string().min(1).max(100),
  rule: Id,
  place: Id,
  hazard: z.string(),
  sensor: Id,
  value: z.number(),
  raisedAtMs: z.number(),
  /** Undefined while it stands. */
  clearedAtMs: z.number().optional(),
  /** Names of the outputs that were switched: a siren, a barrier. */
  outputs: z.array(z.string()),
})
export type LocalAlarm = z.infer<typeof LocalAlarm>

/**
 * A local alarm as ingest keeps it: on disk before its PUBACK, and handed on to `alerts` by `GET /alarms?after=n` of
 * ingest's inner server, oldest first. The same alarm comes again when a gateway repeats itself or when it has
 * cleared; gateway and id name it.
 */
export const KeptAlarm = z.object({
  /** Counts up, also over a lost disk: it begins at the time of arrival. */
  number: z.number(),
  gateway: Id,
  receivedAtMs: z.number(),
  alarm: LocalAlarm,
})
export type KeptAlarm = z.infer<typeof KeptAlarm>
