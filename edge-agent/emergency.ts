/**
 * The agent's own emergency rules: a level, held for a while, switches a siren or a barrier when nobody can be asked.
 * They look at readings as sources offer them, before any disk or network, and know nothing else.
 *
 * A rule is armed while the uplink has been down for long enough, or always when it says so. An alarm that stands is
 * followed until its own sensor clears it, also when the uplink is back or the agent was restarted: silence clears
 * nothing, and no siren is left howling.
 */
import { Id } from '@forewarn/contracts/district'
import type { LocalAlarm } from '@forewarn/contracts/gateway-messages'
import type { SenmlReading } from '@forewarn/contracts/senml'
import { z } from 'zod'

export const EmergencyRule = z
  .strictObject({
    rule: Id,
    place: Id,
    hazard: z.string().min(1),
    sensor: Id,
    /** It raises at this value or beyond: exactly one of the two, in the unit that the sensor's readings have. */
    above: z.number().optional(),
    below: z.number().optional(),
    /** For so long before it counts, by readings. */
    holdS: z.number().nonnegative().default(0),
    /** It clears at this value or on its quiet side. */
    clear: z.number(),
    clearHoldS: z.number().nonnegative().default(60),
    /** Names of outputs that the agent's own settings file allows. */
    outputs: z.array(Id).default([]),
    armed: z.enum(['when-cut', 'always']).default('when-cut'),
    /** Seconds without uplink before `when-cut` counts. */
    cutForS: z.number().nonnegative().default(60),
  })
  .refine(({ above, below }) => (above === undefined) !== (below === undefined), 'say either above or below')
  .refine(
    ({ above, below, clear }) => (above !== undefined ? clear < above : below !== undefined && clear > below),
    'clear must lie on the quiet side of the level, or the output would flutter',
  )
export type EmergencyRule = z.infer<typeof EmergencyRule>

export const StandingAlarm = z.object({ rule: EmergencyRule, raisedAtMs: z.number(), value: z.number() })
export type StandingAlarm = z.infer<typeof StandingAlarm>

export interface EmergencyEvents {
  /** Told at once, before anything is written. */
  readonly onRaised: (alarm: LocalAlarm) => void
  readonly onCleared: (alarm: LocalAlarm) => void
}

export interface Emergency {
  /** Looks at readings of now; `nowMs` is when they came. Readings that a device had held back are not of now. */
  watch(readings: readonly SenmlReading[], nowMs: number): void
  uplink(change: { readonly up: boolean; readonly atMs: number }): void
  /** Other rules from now on. An alarm that stands goes on under the rule that raised it. */
  useRules(rules: readonly EmergencyRule[]): void
  standing(): StandingAlarm[]
}

interface Watched {
  readonly rule: EmergencyRule
  /** Since when every reading has said so; undefined when the last one did not. */
  beyondSinceMs: number | undefined
  quietSinceMs: number | undefined
  standing: StandingAlarm | undefined
}

/** Starts watching; `standing` are the alarms that an earlier life left. The uplink counts as down since `nowMs`. */
export function watchForEmergencies(
  { rules, standing, nowMs }: { rules: readonly EmergencyRule[]; standing: readonly StandingAlarm[]; nowMs: number },
  events: EmergencyEvents,
): Emergency {
  return new EmergencyWatch({ rules, standing, nowMs }, events)
}

class EmergencyWatch implements Emergency {
  #events: EmergencyEvents
  #bySensor = new Map<string, Watched[]>()
  #cutSinceMs: number | undefined

  constructor(
    { rules, standing, nowMs }: { rules: readonly EmergencyRule[]; standing: readonly StandingAlarm[]; nowMs: number },
    events: EmergencyEvents,
  ) {
    this.#events = events
    this.#cutSinceMs = nowMs
    for (const alarm of standing) this.#watchRule(alarm.rule, alarm)
    this.useRules(rules)
  }

  #watchRule(rule: EmergencyRule, standing?: StandingAlarm): void {
    const watched: Watched = { rule, beyondSinceMs: undefined, quietSinceMs: undefined, standing }
    this.#bySensor.set(rule.sensor, [...(this.#bySensor.get(rule.sensor) ?? []), watched])
  }

  useRules(rules: readonly EmergencyRule[]): void {
    const standing = this.standing()
    this.#bySensor.clear()
    for (const alarm of standing) this.#watchRule(alarm.rule, alarm)
    const held = new Set(standing.map(({ rule }) => rule.rule))
    // A rule whose alarm stands takes its new form once that has cleared.
    for (const rule of rules) if (!held.has(rule.rule)) this.#watchRule(rule)
    this.#waitingRules = rules.filter(({ rule }) => held.has(rule))
  }
  #waitingRules: readonly EmergencyRule[] = []

  uplink({ up, atMs }: { readonly up: boolean; readonly atMs: number }): void {
    this.#cutSinceMs = up ? undefined : (this.#cutSinceMs ?? atMs)
  }

  standing(): StandingAlarm[] {
    return [...this.#bySensor.values()].flat().flatMap(({ standing }) => standing ?? [])
  }

  watch(readings: readonly SenmlReading[], nowMs: number): void {
    if (this.#bySensor.size === 0) return
    for (const reading of readings) {
      const watched = this.#bySensor.get(reading.name)
      if (watched === undefined) continue
      // Equipment moves on a good value only; a reading without one says nothing.
      if (!Number.isFinite(reading.value) || (reading.quality ?? 'good') !== 'good') continue
      for (const one of watched) this.#look(one, reading.value, nowMs)
    }
  }

  #look(watched: Watched, value: number, nowMs: number): void {
    const { rule } = watched
    if (watched.standing !== undefined) return this.#lookForQuiet(watched, watched.standing, { value, nowMs })
    if (!isBeyond(rule, value)) {
      watched.beyondSinceMs = undefined
      return
    }
    watched.beyondSinceMs ??= nowMs
    if (nowMs - watched.beyondSinceMs < rule.holdS * 1000 || !this.#isArmed(rule, nowMs)) return
    watched.standing = { rule, raisedAtMs: nowMs, value }
    watched.quietSinceMs = undefined
    this.#events.onRaised(alarmOf(watched.standing))
  }

  #isArmed({ armed, cutForS }: EmergencyRule, nowMs: number): boolean {
    return armed === 'always' || (this.#cutSinceMs !== undefined && nowMs - this.#cutSinceMs >= cutForS * 1000)
  }

  #lookForQuiet(
    watched: Watched,
    standing: StandingAlarm,
    { value, nowMs }: { readonly value: number; readonly nowMs: number },
  ): void {
    if (!isQuiet(watched.rule, value)) {
      watched.quietSinceMs = undefined
      return
    }
    watched.quietSinceMs ??= nowMs
    if (nowMs - watched.quietSinceMs < watched.rule.clearHoldS * 1000) return
    watched.standing = undefined
    watched.beyondSinceMs = undefined
    const alarm = { ...alarmOf(standing), clearedAtMs: nowMs }
    const successor = this.#waitingRules.find(({ rule }) => rule === alarm.rule)
    if (successor !== undefined) this.#replace(watched, successor)
    this.#events.onCleared(alarm)
  }

  #replace(old: Watched, rule: EmergencyRule): void {
    const others = (this.#bySensor.get(old.rule.sensor) ?? []).filter(one => one !== old)
    this.#bySensor.set(old.rule.sensor, others)
    this.#watchRule(rule)
  }
}

function isBeyond({ above, below }: EmergencyRule, value: number): boolean {
  return above !== undefined ? value >= above : value <= (below ?? Number.NEGATIVE_INFINITY)
}

function isQuiet({ above, clear }: EmergencyRule, value: number): boolean {
  return above !== undefined ? value <= clear : value >= clear
}

function alarmOf({ rule, raisedAtMs, value }: StandingAlarm): LocalAlarm {
  const { place, hazard, sensor, outputs } = rule
  const id = `${rule.rule}.${Math.round(raisedAtMs)}`
  return { id, rule: rule.rule, place, hazard, sensor, value, raisedAtMs, outputs: [...outputs] }
}
