/**
 * The wire from `rules` to `alerts`: what happened to an episode. An episode is one place × one hazard × one
 * onset; everything that is said of it carries the same id, so that a repeat after a crash is recognised.
 * Travels as BullMQ jobs in the queue `episodes`; the job id is `episodeJobId`.
 */
import { z } from 'zod'
import { Level } from './level.ts'
import { Mode } from './mode.ts'
import { Text } from './text.ts'

export const episodesQueue = 'episodes'

/** CAP 1.2 §3.2.2: how soon, how bad, how sure. */
export const Urgency = z.enum(['Immediate', 'Expected', 'Future', 'Past', 'Unknown'])
export const Severity = z.enum(['Extreme', 'Severe', 'Moderate', 'Minor', 'Unknown'])
export const Certainty = z.enum(['Observed', 'Likely', 'Possible', 'Unlikely', 'Unknown'])

/** What may come, as a fan: value quantiles over time, and the chance of crossing each limit. */
export const Forecast = z.object({
  model: z.string(),
  modelVersion: z.string(),
  issuedAtMs: z.number(),
  /** Minutes ahead of `issuedAtMs`; the value columns below have one entry each. Unit: that of the quantity. */
  leadMin: z.array(z.number()),
  p10: z.array(z.number()),
  p50: z.array(z.number()),
  p90: z.array(z.number()),
  /** Per limit: probability of onset within the horizon, and when (10–90 % band), if it is likely to come at all. */
  crossings: z.array(
    z.object({
      limit: z.number(),
      probability: z.number().min(0).max(1),
      horizonMin: z.number(),
      atMs: z.object({ p10: z.number(), p50: z.number(), p90: z.number() }).optional(),
    }),
  ),
  /** Newest rain it rests on; a forecast without rain data says so instead of guessing. */
  rainUntilMs: z.number().optional(),
  explanation: Text,
})
export type Forecast = z.infer<typeof Forecast>

/** One reading that decided. `value` in the unit of its quantity. */
export const EvidenceReading = z.object({
  sensor: z.string(),
  quantity: z.string(),
  value: z.number(),
  measuredAtMs: z.number(),
})

export const Evidence = z.object({
  /** The condition that held, as written in the rule. */
  condition: z.string(),
  readings: z.array(EvidenceReading),
  forecast: Forecast.optional(),
  reason: Text,
})
export type Evidence = z.infer<typeof Evidence>

const common = {
  episodeId: z.string(),
  /** Counts up within an episode from 0: with the id it names this event. */
  step: z.number().int().nonnegative(),
  atMs: z.number(),
  mode: Mode,
}

export const EpisodeRaised = z.object({
  ...common,
  kind: z.literal('raised'),
  placeId: z.string(),
  hazard: z.string(),
  /** `unknown`: the place is blind, which is an operator's trouble and never an all-clear. */
  level: z.union([Level, z.literal('unknown')]),
  rule: z.string(),
  ruleVersion: z.string(),
  title: Text,
  plan: z.string().optional(),
  urgency: Urgency,
  severity: Severity,
  certainty: Certainty,
  /** When the limit is expected to be crossed; absent when it has been, or when nobody knows. */
  expectedAtMs: z.object({ p10: z.number(), p50: z.number(), p90: z.number() }).optional(),
  probability: z.number().min(0).max(1).optional(),
  evidence: Evidence,
  /** Raised by readings that came late; it looks back and must not ring as if it were now. */
  retrospective: z.boolean().default(false),
})

/** The level rose or fell, or a newer forecast changed what is expected. */
export const EpisodeChanged = EpisodeRaised.omit({ kind: true }).extend({ kind: z.literal('changed') })

/** The clear condition held long enough, by readings that did arrive. */
export const EpisodeCleared = z.object({ ...common, kind: z.literal('cleared'), reason: Text })

export const outcomes = ['hit', 'late', 'false-alarm', 'missed', 'not-verifiable'] as const

/**
 * What really happened. A `missed` event was never warned of: its episode has this one event only.
 * `leadMin` = onset − first issue, in minutes (score definition 4 of docs/VERIFICATION.md).
 */
export const EpisodeVerified = z.object({
  ...common,
  kind: z.literal('verified'),
  placeId: z.string(),
  hazard: z.string(),
  rule: z.string(),
  ruleVersion: z.string(),
  outcome: z.enum(outcomes),
  onsetAtMs: z.number().optional(),
  leadMin: z.number().optional(),
  peak: z.number().optional(),
})

export const EpisodeEvent = z.discriminatedUnion('kind', [
  EpisodeRaised,
  EpisodeChanged,
  EpisodeCleared,
  EpisodeVerified,
])
export type EpisodeEvent = z.infer<typeof EpisodeEvent>
export type EpisodeRaised = z.infer<typeof EpisodeRaised>
export type EpisodeChanged = z.infer<typeof EpisodeChanged>
export type EpisodeVerified = z.infer<typeof EpisodeVerified>
export type Outcome = (typeof outcomes)[number]

/** Episode ids sort by place, then hazard, then onset: `{place}.{hazard}.{onset ms}`. */
export function episodeIdOf(episode: { placeId: string; hazard: string; onsetAtMs: number }): string {
  return `${episode.placeId}.${episode.hazard}.${Math.round(episode.onsetAtMs)}`
}

/** The queue's id for an event: adding it again after a crash changes nothing. */
export function episodeJobId(event: { episodeId: string; step: number }): string {
  return `${event.episodeId}.${event.step}`
}
