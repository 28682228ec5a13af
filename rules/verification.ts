/**
 * What really happened, held against what was warned. Definitions as in docs/forecasts/rain-to-depth.md (the usual
 * ones of forecast verification): an event is the outcome condition holding long enough, gaps under an hour merged;
 * a hit is an onset after the first issue, by a minute or more, while the warning stood and within three hours.
 * Pure: takes readings and times, returns judgements.
 */
import type { Outcome as OutcomeName } from '@forewarn/contracts/episode'

const minuteMs = 60_000
const mergeGapMs = 60 * minuteMs
const longestValidMs = 180 * minuteMs
const shortestLeadMs = minuteMs
/** A warning rests on the newest reading, which is a reporting period older than the warning itself. */
const readingAgeMs = 10 * minuteMs
/** Readings that show an onset may still be on their way this long after a warning has ended. */
const settleMs = 5 * minuteMs
/** Clocks of sensors jitter: a reading 119 s after another has held for two minutes. */
const jitterMs = 5000

/** One sensor's view of the outcome condition. */
export interface OutcomeTrack {
  sinceMs: number
  /** The larger of two readings in a row may be a spike; the smaller of them is believed. */
  lastValue: number
  peak: number
}

export interface ObservedEvent {
  readonly onsetAtMs: number
  lastHeldMs: number
  peak: number
  /** The episode that accounts for it, as hit or late, or 'missed'. */
  account: string | undefined
}

export interface IssuedWarning {
  readonly episodeId: string
  readonly rule: string
  readonly ruleVersion: string
  readonly issuedAtMs: number
  /** When it was cleared; undefined while it stands. */
  endedAtMs: number | undefined
  judged: boolean
}

/** Everything about one place and hazard that is not judged yet. */
export interface Ledger {
  readonly tracks: Map<number, OutcomeTrack>
  readonly events: ObservedEvent[]
  readonly warnings: IssuedWarning[]
}

export function emptyLedger(): Ledger {
  return { tracks: new Map(), events: [], warnings: [] }
}

export interface OutcomeReading {
  readonly sensor: number
  readonly atMs: number
  readonly value: number
  readonly holds: boolean
  readonly holdMs: number
}

/** Takes one reading of a sensor that measures the outcome, in time order per sensor. Changes the ledger. */
export function observe(ledger: Ledger, reading: OutcomeReading): void {
  const { sensor, atMs, value, holds, holdMs } = reading
  const track = ledger.tracks.get(sensor)
  if (!holds) return void ledger.tracks.delete(sensor)
  if (track === undefined) {
    ledger.tracks.set(sensor, { sinceMs: atMs, lastValue: value, peak: Number.NEGATIVE_INFINITY })
    if (holdMs <= 0) noteEvent(ledger, atMs, atMs, value)
    return
  }
  track.peak = Math.max(track.peak, Math.min(value, track.lastValue))
  track.lastValue = value
  if (atMs - track.sinceMs >= holdMs - Math.min(jitterMs, holdMs / 10)) {
    noteEvent(ledger, track.sinceMs, atMs, track.peak)
  }
}

function noteEvent(ledger: Ledger, sinceMs: number, atMs: number, peak: number): void {
  const last = ledger.events.at(-1)
  if (last === undefined || sinceMs - last.lastHeldMs >= mergeGapMs) {
    ledger.events.push({ onsetAtMs: sinceMs, lastHeldMs: atMs, peak, account: undefined })
    return
  }
  last.lastHeldMs = Math.max(last.lastHeldMs, atMs)
  last.peak = Math.max(last.peak, peak)
}

export interface Judgement {
  readonly outcome: OutcomeName
  /** Undefined for a missed event: nobody warned of it. */
  readonly warning: IssuedWarning | undefined
  readonly event: ObservedEvent | undefined
  readonly leadMin: number | undefined
}

/**
 * What can be judged by now. `isBlind`: whether the place cannot be seen, so that "nothing happened" cannot be said.
 * Marks what it judged, and forgets what no later warning can refer to.
 */
export function judge(ledger: Ledger, nowMs: number, { isBlind }: { isBlind: boolean }): Judgement[] {
  const found: Judgement[] = []
  for (const warning of ledger.warnings) {
    if (warning.judged) continue
    const judgement = judgeWarning(ledger, warning, nowMs, isBlind)
    if (judgement === undefined) continue
    warning.judged = true
    if (judgement.event !== undefined) judgement.event.account ??= warning.episodeId
    found.push(judgement)
  }
  for (const event of ledger.events) {
    if (event.account !== undefined || nowMs - event.lastHeldMs < mergeGapMs) continue
    const isCovered = ledger.warnings.some(warning => stoodAt(warning, event.onsetAtMs))
    event.account = isCovered ? 'covered' : 'missed'
    if (!isCovered) found.push({ outcome: 'missed', warning: undefined, event, leadMin: undefined })
  }
  forget(ledger, nowMs)
  return found
}

function judgeWarning(ledger: Ledger, warning: IssuedWarning, nowMs: number, isBlind: boolean): Judgement | undefined {
  const { issuedAtMs } = warning
  const validUntilMs = Math.min(warning.endedAtMs ?? Number.POSITIVE_INFINITY, issuedAtMs + longestValidMs)
  const during = ledger.events.find(
    ({ onsetAtMs, lastHeldMs }) => onsetAtMs < issuedAtMs + shortestLeadMs && issuedAtMs < lastHeldMs + mergeGapMs,
  )
  if (during !== undefined) {
    const isFirst = during.account === undefined && issuedAtMs <= during.lastHeldMs + readingAgeMs
    const leadMin = (during.onsetAtMs - issuedAtMs) / minuteMs
    return isFirst
      ? { outcome: 'late', warning, event: during, leadMin }
      : { outcome: 'not-verifiable', warning, event: during, leadMin: undefined }
  }
  const event = ledger.events.find(
    ({ onsetAtMs }) => onsetAtMs >= issuedAtMs + shortestLeadMs && onsetAtMs <= validUntilMs,
  )
  if (event !== undefined) {
    return { outcome: 'hit', warning, event, leadMin: (event.onsetAtMs - issuedAtMs) / minuteMs }
  }
  if (nowMs <= validUntilMs + settleMs) return undefined
  return { outcome: isBlind ? 'not-verifiable' : 'false-alarm', warning, event: undefined, leadMin: undefined }
}

function stoodAt(warning: IssuedWarning, atMs: number): boolean {
  return warning.issuedAtMs <= atMs && atMs <= (warning.endedAtMs ?? Number.POSITIVE_INFINITY)
}

/** What is judged and over by more than the longest validity can play no part any more. */
function forget(ledger: Ledger, nowMs: number): void {
  const overMs = nowMs - longestValidMs - mergeGapMs
  const keptWarnings = ledger.warnings.filter(({ judged, endedAtMs }) => !judged || (endedAtMs ?? nowMs) > overMs)
  const keptEvents = ledger.events.filter(({ account, lastHeldMs }) => account === undefined || lastHeldMs > overMs)
  ledger.warnings.splice(0, ledger.warnings.length, ...keptWarnings)
  ledger.events.splice(0, ledger.events.length, ...keptEvents)
}

/** Whether nothing is left to judge or to remember. */
export function isSettled(ledger: Ledger): boolean {
  return ledger.tracks.size === 0 && ledger.events.length === 0 && ledger.warnings.length === 0
}
