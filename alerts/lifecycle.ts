/**
 * The life of one warning, from raised to verified. The only code that may change a warning's state.
 * Pure: it returns what to do and never does it.
 *
 * Two independent axes (ISA-18.2 §5.2): what the process does (active, returned) and what the officer has done
 * (acknowledged or not). A warning that cleared unseen stays on the screen as `returned-unacknowledged`.
 * Raised again under the same episode id: the warning is reopened and rings. A new onset has a new episode id and is
 * a new warning.
 */
import type { EpisodeChanged, EpisodeRaised, EpisodeVerified } from '@forewarn/contracts/episode'
import { compareConditions, type Level } from '@forewarn/contracts/level'
import type { Text } from '@forewarn/contracts/text'
import type { TimelineEntry, Warning } from '@forewarn/contracts/warning'

/** Who is rung, in order. */
export const roles = ['duty-officer', 'shift-lead', 'district-chief'] as const
export type Role = (typeof roles)[number] | 'operator'

type WarningLevel = Warning['level']

/** How long a warning may stay unacknowledged before the next one is rung. Unknown is an operator's and never climbs. */
export const escalationLimitMs: Record<Level, number> = {
  red: 60_000,
  orange: 120_000,
  yellow: 300_000,
  blue: 900_000,
}

export type LifeEvent =
  | { readonly kind: 'raised'; readonly episode: EpisodeRaised | EpisodeChanged }
  | { readonly kind: 'cleared'; readonly reason: Text }
  | { readonly kind: 'verified'; readonly episode: EpisodeVerified }
  /** `dueAtMs` says which deadline: one that was moved or answered meanwhile no longer fits, and does nothing. */
  | { readonly kind: 'deadline-passed'; readonly dueAtMs: number }
  | { readonly kind: 'acknowledged'; readonly by: string }
  | { readonly kind: 'vetoed'; readonly by: string; readonly reason: string }
  | { readonly kind: 'escalated'; readonly by: string }
  | { readonly kind: 'resolved'; readonly by: string; readonly reason: string }
  /** Something worth a line: a note of an officer, or what became of an order. */
  | { readonly kind: 'told'; readonly by: string; readonly event: string; readonly detail: Text }

export type Effect =
  | { readonly kind: 'ring'; readonly role: Role }
  | { readonly kind: 'await-deadline'; readonly dueAtMs: number }
  /** Choose units as the plan says for the level that the warning now has. */
  | { readonly kind: 'dispatch' }
  | { readonly kind: 'release-orders'; readonly reason: Text }
  | { readonly kind: 'stand-down-orders'; readonly reason: Text }

export interface Step {
  readonly warning: Warning
  readonly effects: readonly Effect[]
}

/**
 * What becomes of a warning when `event` happens at `atMs` (UTC ms). Returns undefined when the event changes
 * nothing: a repeat, an answered deadline, or one that does not fit the state.
 */
export function step(warning: Warning | undefined, event: LifeEvent, atMs: number): Step | undefined {
  if (event.kind === 'raised') {
    return warning === undefined ? raise(event.episode, atMs) : change(warning, event.episode, atMs)
  }
  if (warning === undefined) return undefined
  const entry = (by: string, name: string, detail: Text): TimelineEntry => ({ atMs, by, event: name, detail })
  switch (event.kind) {
    case 'cleared':
      return clear(warning, event.reason, atMs)
    case 'verified':
      return verify(warning, event.episode, atMs)
    case 'deadline-passed':
      return climb(warning, event.dueAtMs, atMs)
    case 'acknowledged':
      return acknowledge(warning, event.by, atMs)
    case 'vetoed':
      return veto(warning, event, atMs)
    case 'escalated':
      return escalate(warning, { by: event.by, atMs })
    case 'resolved':
      return resolve(warning, event, atMs)
    case 'told':
      return { warning: next(warning, {}, entry(event.by, event.event, event.detail)), effects: [] }
  }
}

function next(warning: Warning, changes: Partial<Warning>, ...entries: TimelineEntry[]): Warning {
  return {
    ...warning,
    ...changes,
    version: warning.version + 1,
    timeline: [...warning.timeline, ...entries].slice(-longestTimeline),
  }
}

// A forecast that changes every minute for a day, and still the raise is kept apart (`raisedAtMs`, `peakLevel`).
const longestTimeline = 500

function raise(episode: EpisodeRaised | EpisodeChanged, atMs: number): Step {
  const { level, retrospective } = episode
  const escalatesAtMs = retrospective ? undefined : deadlineFrom(level, atMs)
  const warning: Warning = {
    id: episode.episodeId,
    version: 1,
    placeId: episode.placeId,
    hazard: episode.hazard,
    level,
    peakLevel: level,
    state: 'active-unacknowledged',
    raisedAtMs: episode.atMs,
    escalation: 0,
    ...(escalatesAtMs === undefined ? {} : { escalatesAtMs }),
    orders: [],
    timeline: [
      { atMs, by: 'machine', event: retrospective ? 'raised-late' : 'raised', detail: episode.evidence.reason },
    ],
    ...saidBy(episode),
    mode: episode.mode,
    retrospective,
  }
  // It looks back: it must be seen, and must not ring or send a truck as if it were now.
  return { warning, effects: retrospective ? [] : ringAndSend(level, escalatesAtMs) }
}

/** What an episode says that may be newer in every event. */
function saidBy(episode: EpisodeRaised | EpisodeChanged) {
  return {
    title: episode.title,
    rule: episode.rule,
    ruleVersion: episode.ruleVersion,
    urgency: episode.urgency,
    severity: episode.severity,
    certainty: episode.certainty,
    expectedAtMs: episode.expectedAtMs,
    probability: episode.probability,
    evidence: episode.evidence,
  }
}

function deadlineFrom(level: WarningLevel, atMs: number): number | undefined {
  return level === 'unknown' ? undefined : atMs + escalationLimitMs[level]
}

function ringAndSend(level: WarningLevel, dueAtMs: number | undefined, escalation = 0): Effect[] {
  if (level === 'unknown') return [{ kind: 'ring', role: 'operator' }]
  const deadline: Effect[] = dueAtMs === undefined ? [] : [{ kind: 'await-deadline', dueAtMs }]
  return [{ kind: 'ring', role: roleOf(escalation) }, ...deadline, { kind: 'dispatch' }]
}

function roleOf(escalation: number): Role {
  return roles[Math.min(escalation, roles.length - 1)] ?? 'district-chief'
}

function change(warning: Warning, episode: EpisodeRaised | EpisodeChanged, atMs: number): Step {
  const entry = (event: string): TimelineEntry => ({ atMs, by: 'machine', event, detail: episode.evidence.reason })
  const said = saidBy(episode)
  if (warning.state === 'resolved' || warning.state === 'returned-unacknowledged') {
    return ringAgain({ ...warning, ...said }, { level: episode.level, atMs, entry: entry('reopened') })
  }
  // A place that went blind under a known level keeps it: silence can never clear a warning.
  if (episode.level === 'unknown' && warning.level !== 'unknown') {
    return { warning: next(warning, { certainty: 'Unknown' }, entry('blind')), effects: [] }
  }
  const order = compareConditions(episode.level, warning.level)
  if (order < 0) return ringAgain({ ...warning, ...said }, { level: episode.level, atMs, entry: entry('level-rose') })
  if (order > 0) {
    return { warning: next(warning, { ...said, level: episode.level }, entry('level-fell')), effects: [] }
  }
  return { warning: next(warning, said, entry('changed')), effects: [] }
}

/** Whoever had acknowledged the lower level has not seen this one. Those already rung for it are not un-rung. */
function ringAgain(
  warning: Warning,
  { level, atMs, entry }: { level: WarningLevel; atMs: number; entry: TimelineEntry },
): Step {
  const climbing = warning.state === 'active-unacknowledged'
  const escalation = climbing ? warning.escalation : 0
  const fresh = deadlineFrom(level, atMs)
  // A deadline that is running is never put off by a rise.
  const running = climbing ? warning.escalatesAtMs : undefined
  const atTop = escalation >= roles.length - 1
  const escalatesAtMs = atTop || fresh === undefined ? undefined : Math.min(fresh, running ?? fresh)
  const peakLevel = compareConditions(level, warning.peakLevel) < 0 ? level : warning.peakLevel
  const changed: Partial<Warning> = {
    level,
    peakLevel,
    state: 'active-unacknowledged',
    escalation,
    acknowledgedAtMs: undefined,
    acknowledgedBy: undefined,
    clearedAtMs: undefined,
    escalatesAtMs,
  }
  return { warning: next(warning, changed, entry), effects: ringAndSend(level, escalatesAtMs, escalation) }
}

function clear(warning: Warning, reason: Text, atMs: number): Step | undefined {
  if (warning.state === 'resolved' || warning.state === 'returned-unacknowledged') return undefined
  const state = warning.state === 'active-acknowledged' ? 'resolved' : 'returned-unacknowledged'
  const entry: TimelineEntry = { atMs, by: 'machine', event: 'cleared', detail: reason }
  return {
    warning: next(warning, { state, clearedAtMs: atMs, escalatesAtMs: undefined }, entry),
    effects: [{ kind: 'release-orders', reason }],
  }
}

function verify(warning: Warning, episode: EpisodeVerified, atMs: number): Step {
  const { outcome, onsetAtMs, leadMin, peak } = episode
  const detail = { zh: `核验：${outcome}`, en: `verified: ${outcome}` }
  const verified = next(
    warning,
    { outcome: { outcome, onsetAtMs, leadMin, peak } },
    { atMs, by: 'machine', event: 'verified', detail },
  )
  const over = outcome === 'false-alarm'
  return { warning: verified, effects: over ? [{ kind: 'release-orders', reason: detail }] : [] }
}

function climb(warning: Warning, dueAtMs: number, atMs: number): Step | undefined {
  if (warning.state !== 'active-unacknowledged' || warning.escalatesAtMs !== dueAtMs) return undefined
  return escalate(warning, { by: 'machine', atMs })
}

function escalate(warning: Warning, { by, atMs }: { by: string; atMs: number }): Step | undefined {
  if (warning.state !== 'active-unacknowledged' && by === 'machine') return undefined
  if (warning.state === 'resolved' || warning.level === 'unknown') return undefined
  const escalation = Math.min(warning.escalation + 1, roles.length - 1)
  const silent = warning.state === 'active-unacknowledged' && escalation < roles.length - 1
  const escalatesAtMs = silent ? deadlineFrom(warning.level, atMs) : undefined
  const role = roleOf(escalation)
  const detail = { zh: `上报：${roleNames[role]}`, en: `escalated to the ${role.replace('-', ' ')}` }
  const deadline: Effect[] = escalatesAtMs === undefined ? [] : [{ kind: 'await-deadline', dueAtMs: escalatesAtMs }]
  return {
    warning: next(warning, { escalation, escalatesAtMs }, { atMs, by, event: 'escalated', detail }),
    effects: [{ kind: 'ring', role }, ...deadline],
  }
}

const roleNames: Record<Role, string> = {
  'duty-officer': '值班员',
  'shift-lead': '值班长',
  'district-chief': '区值班领导',
  operator: '运维员',
}

function acknowledge(warning: Warning, by: string, atMs: number): Step | undefined {
  const state =
    warning.state === 'active-unacknowledged'
      ? ('active-acknowledged' as const)
      : warning.state === 'returned-unacknowledged'
        ? ('resolved' as const)
        : undefined
  if (state === undefined) return undefined
  const changes = { state, acknowledgedAtMs: atMs, acknowledgedBy: by, escalatesAtMs: undefined }
  const detail = { zh: '已确认', en: 'acknowledged' }
  return { warning: next(warning, changes, { atMs, by, event: 'acknowledged', detail }), effects: [] }
}

function veto(warning: Warning, { by, reason }: { by: string; reason: string }, atMs: number): Step | undefined {
  if (warning.state === 'resolved') return undefined
  // Whoever vetoes has seen the warning.
  const seen = acknowledge(warning, by, atMs)?.warning ?? warning
  const detail = { zh: `否决派车：${reason}`, en: `vetoed the dispatch: ${reason}` }
  return {
    warning: next(seen, {}, { atMs, by, event: 'vetoed', detail }),
    effects: [{ kind: 'stand-down-orders', reason: detail }],
  }
}

function resolve(warning: Warning, { by, reason }: { by: string; reason: string }, atMs: number): Step | undefined {
  if (warning.state === 'resolved') return undefined
  const detail = { zh: `关闭：${reason}`, en: `resolved: ${reason}` }
  const changes: Partial<Warning> = {
    state: 'resolved',
    clearedAtMs: warning.clearedAtMs ?? atMs,
    acknowledgedAtMs: warning.acknowledgedAtMs ?? atMs,
    acknowledgedBy: warning.acknowledgedBy ?? by,
    escalatesAtMs: undefined,
  }
  return {
    warning: next(warning, changes, { atMs, by, event: 'resolved', detail }),
    effects: [{ kind: 'release-orders', reason: detail }],
  }
}
