/**
 * Episodes: from what all rules say of a place and hazard to what is told to `alerts`. Opens, changes, clears and
 * verifies; every event has the episode's id and the next step number. Knows no queue: it returns events.
 */
import {
  type EpisodeEvent,
  type EpisodeRaised,
  type EpisodeVerified,
  episodeIdOf,
  type Forecast,
} from '@forewarn/contracts/episode'
import type { Condition } from '@forewarn/contracts/level'
import type { Mode } from '@forewarn/contracts/mode'
import type { Text } from '@forewarn/contracts/text'
import type { Rule } from '../language/rule.ts'
import { emptyLedger, isSettled, type Judgement, judge, type Ledger } from '../verification.ts'

/** What is known of a place and hazard right now. */
export interface Standing {
  readonly placeId: string
  readonly hazard: string
  readonly condition: Condition
  /** The rule that says the worst. */
  readonly rule: Rule
  /** When its condition began to hold; the episode's onset. */
  readonly onsetAtMs: number
  readonly plan: string | undefined
  readonly probability: number | undefined
  readonly expectedAtMs: { p10: number; p50: number; p90: number } | undefined
  readonly retrospective: boolean
  /** Evidence is costly to write down, and only asked for when something is told. */
  evidence(): EpisodeRaised['evidence']
}

export interface OpenEpisode {
  readonly id: string
  readonly placeId: string
  readonly hazard: string
  readonly onsetAtMs: number
  step: number
  condition: Condition
  ruleName: string
  toldAtMs: number
  probability: number | undefined
  expectedP50Ms: number | undefined
  retrospective: boolean
}

/** One place and hazard: the open episode, the last one, and what is still to be verified. */
export interface EpisodeFile {
  open: OpenEpisode | undefined
  /** Steps of closed episodes go on when they are verified. */
  readonly steps: Map<string, number>
  lastEndedMs: number
  readonly ledger: Ledger
}

export function emptyFile(): EpisodeFile {
  return { open: undefined, steps: new Map(), lastEndedMs: Number.NEGATIVE_INFINITY, ledger: emptyLedger() }
}

/** Whether the file says nothing that must be kept. */
export function isEmptyFile(file: EpisodeFile): boolean {
  return file.open === undefined && file.steps.size === 0 && isSettled(file.ledger)
}

export interface Now {
  readonly nowMs: number
  readonly mode: Mode
}

/** A newer forecast is told when the chance moved by so much, or the time by so much, and not more often than this. */
const worthProbability = 0.15
const worthShiftMs = 10 * 60_000
const tellEveryMs = 5 * 60_000

/** Takes the newest standing into the file; returns what must be told. */
export function takeStanding(file: EpisodeFile, standing: Standing, now: Now): EpisodeEvent[] {
  const { open } = file
  if (open === undefined) return standing.condition === 'none' ? [] : [raise(file, standing, now)]
  if (standing.condition === 'none') return [clear(file, open, now, endReason(open.condition))]
  return isWorthTelling(open, standing, now.nowMs) ? [change(file, open, standing, now)] : []
}

function isWorthTelling(open: OpenEpisode, standing: Standing, nowMs: number): boolean {
  if (open.condition !== standing.condition) return true
  if (open.ruleName !== standing.rule.name) return true
  // What began as a look back has caught up with the present, and still holds.
  if (open.retrospective && !standing.retrospective) return true
  if (nowMs - open.toldAtMs < tellEveryMs) return false
  if (Math.abs((standing.probability ?? 0) - (open.probability ?? 0)) >= worthProbability) return true
  const shiftMs = Math.abs((standing.expectedAtMs?.p50 ?? 0) - (open.expectedP50Ms ?? 0))
  return standing.expectedAtMs !== undefined && open.expectedP50Ms !== undefined && shiftMs >= worthShiftMs
}

function raise(file: EpisodeFile, standing: Standing, now: Now): EpisodeRaised {
  const { placeId, hazard, onsetAtMs } = standing
  const open: OpenEpisode = {
    id: episodeIdOf({ placeId, hazard, onsetAtMs }),
    placeId,
    hazard,
    onsetAtMs,
    step: 0,
    condition: standing.condition,
    ruleName: standing.rule.name,
    toldAtMs: now.nowMs,
    probability: standing.probability,
    expectedP50Ms: standing.expectedAtMs?.p50,
    retrospective: standing.retrospective,
  }
  file.open = open
  noteWarned(file, open, standing, now.nowMs)
  return { ...told(open, standing, now), kind: 'raised' }
}

function change(file: EpisodeFile, open: OpenEpisode, standing: Standing, now: Now): EpisodeEvent {
  open.step += 1
  open.condition = standing.condition
  open.ruleName = standing.rule.name
  open.toldAtMs = now.nowMs
  open.probability = standing.probability
  open.expectedP50Ms = standing.expectedAtMs?.p50
  open.retrospective = standing.retrospective
  noteWarned(file, open, standing, now.nowMs)
  return { ...told(open, standing, now), kind: 'changed' }
}

/** An episode counts as a warning from its first colour on; being blind warns of nothing. */
function noteWarned(file: EpisodeFile, open: OpenEpisode, standing: Standing, nowMs: number): void {
  if (standing.condition === 'unknown' || standing.retrospective) return
  if (file.ledger.warnings.some(({ episodeId }) => episodeId === open.id)) return
  const { name, version } = standing.rule
  file.ledger.warnings.push({
    episodeId: open.id,
    rule: name,
    ruleVersion: version,
    issuedAtMs: nowMs,
    endedAtMs: undefined,
    judged: false,
  })
}

function clear(file: EpisodeFile, open: OpenEpisode, { nowMs, mode }: Now, reason: Text): EpisodeEvent {
  const warning = file.ledger.warnings.find(({ episodeId }) => episodeId === open.id)
  if (warning !== undefined) warning.endedAtMs = nowMs
  if (warning !== undefined && !warning.judged) file.steps.set(open.id, open.step + 1)
  file.open = undefined
  file.lastEndedMs = nowMs
  return { kind: 'cleared', episodeId: open.id, step: open.step + 1, atMs: nowMs, mode, reason }
}

function endReason(condition: Condition): Text {
  return condition === 'unknown'
    ? { zh: '传感器恢复上报，未见异常。', en: 'The sensors speak again, and nothing is wrong.' }
    : { zh: '实测满足解除条件并已持续足够时间。', en: 'Readings have met the clear condition for long enough.' }
}

/** Judges what can be judged by now. `ruleOf`: whose outcome definition it was. */
export function verify(
  file: EpisodeFile,
  { place, hazard, rule, isBlind }: { place: string; hazard: string; rule: Rule; isBlind: boolean },
  now: Now,
): EpisodeVerified[] {
  return judge(file.ledger, now.nowMs, { isBlind }).map(judgement => {
    const { warning, event } = judgement
    const episodeId =
      warning?.episodeId ?? episodeIdOf({ placeId: place, hazard, onsetAtMs: event?.onsetAtMs ?? now.nowMs })
    return {
      kind: 'verified',
      episodeId,
      step: nextStep(file, episodeId),
      atMs: now.nowMs,
      mode: now.mode,
      placeId: place,
      hazard,
      rule: warning?.rule ?? rule.name,
      ruleVersion: warning?.ruleVersion ?? rule.version,
      ...measured(judgement),
    }
  })
}

function measured({ outcome, event, leadMin }: Judgement): Pick<EpisodeVerified, 'outcome'> & Partial<EpisodeVerified> {
  return {
    outcome,
    ...(event === undefined ? {} : { onsetAtMs: event.onsetAtMs }),
    ...(event === undefined || !Number.isFinite(event.peak) ? {} : { peak: event.peak }),
    ...(leadMin === undefined ? {} : { leadMin: Math.round(leadMin * 100) / 100 }),
  }
}

function nextStep(file: EpisodeFile, episodeId: string): number {
  if (file.open?.id === episodeId) {
    file.open.step += 1
    return file.open.step
  }
  const last = file.steps.get(episodeId)
  // Verified is an episode's last word.
  file.steps.delete(episodeId)
  return last === undefined ? 0 : last + 1
}

type Told = Omit<EpisodeRaised, 'kind'>

function told(open: OpenEpisode, standing: Standing, { nowMs, mode }: Now): Told {
  const { rule, condition, plan, probability, expectedAtMs } = standing
  return {
    episodeId: open.id,
    step: open.step,
    atMs: nowMs,
    mode,
    placeId: open.placeId,
    hazard: open.hazard,
    level: condition === 'none' ? 'unknown' : condition,
    rule: rule.name,
    ruleVersion: rule.version,
    title: rule.title,
    ...(plan === undefined || condition === 'unknown' ? {} : { plan }),
    urgency: urgencyOf(standing, nowMs),
    severity: severityOf[condition],
    certainty: certaintyOf(standing),
    ...(expectedAtMs === undefined ? {} : { expectedAtMs }),
    ...(probability === undefined ? {} : { probability }),
    evidence: standing.evidence(),
    retrospective: standing.retrospective,
  }
}

/** CAP 1.2 §3.2.2. */
const severityOf = {
  red: 'Extreme',
  orange: 'Severe',
  yellow: 'Moderate',
  blue: 'Minor',
  unknown: 'Unknown',
  none: 'Unknown',
} as const satisfies Record<Condition, EpisodeRaised['severity']>

function urgencyOf(
  { condition, rule, expectedAtMs, retrospective }: Standing,
  nowMs: number,
): EpisodeRaised['urgency'] {
  if (condition === 'unknown') return 'Unknown'
  if (retrospective) return 'Past'
  if (rule.forecast === undefined) return 'Immediate'
  const inMs = (expectedAtMs?.p50 ?? Number.POSITIVE_INFINITY) - nowMs
  if (inMs <= 10 * 60_000) return 'Immediate'
  return inMs <= 60 * 60_000 ? 'Expected' : 'Future'
}

function certaintyOf({ condition, rule, probability }: Standing): EpisodeRaised['certainty'] {
  if (condition === 'unknown') return 'Unknown'
  if (rule.forecast === undefined) return 'Observed'
  return (probability ?? 0) > 0.5 ? 'Likely' : 'Possible'
}

/** The forecast's main crossing: the lowest limit that is likely to come at all. */
export function mainCrossing(forecast: Forecast | undefined): Forecast['crossings'][number] | undefined {
  return forecast?.crossings.find(({ atMs }) => atMs !== undefined) ?? forecast?.crossings[0]
}
