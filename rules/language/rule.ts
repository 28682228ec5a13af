/**
 * A rule as the engine runs it: parsed, checked, its conditions compiled.
 */
import type { Condition, Level } from '@forewarn/contracts/level'
import type { Quantity } from '@forewarn/contracts/quantity'
import type { Text } from '@forewarn/contracts/text'
import type { Window, WindowSpan } from './window.ts'

/** A condition: as written, and as a function. */
export interface Expression {
  readonly source: string
  readonly holds: (window: Window) => boolean
  /**
   * For `value >= x` and `value > x`: x at a place. Below it the condition cannot hold, which lets the engine pass
   * over calm sensors without asking the condition at all.
   */
  readonly lowerBound?: (window: Window) => number
  /** Other quantities it reads, and the spans of time it looks back over. */
  readonly quantities: readonly Quantity[]
  readonly spans: readonly WindowSpan[]
  /** Names of the limits it reads as `place.limit.<name>`. */
  readonly limits: readonly string[]
}

export interface RuleLevel {
  readonly level: Level
  readonly when: Expression
}

export interface Held {
  readonly when: Expression
  /** It counts once it has been true for so long, by the readings' own time. */
  readonly holdMs: number
}

export interface Outcome extends Held {
  readonly watch: Quantity
}

export interface StorySeries {
  readonly quantity: Quantity
  /** A value; 'missing' when nothing was said at this step; 'stale' when it fell silent for good. */
  readonly steps: readonly (number | 'missing' | 'stale')[]
}

export interface Story {
  readonly name: string
  readonly everyMs: number
  readonly placeKind: string | undefined
  readonly limits: Readonly<Record<string, number>>
  readonly series: readonly StorySeries[]
  readonly expect: readonly { readonly step: number; readonly condition: Condition }[]
}

export interface Rule {
  readonly name: string
  /** Short hash of everything that decides (stories and titles do not). */
  readonly version: string
  readonly title: Text
  readonly hazard: string
  readonly watch: Quantity
  readonly where: Expression | undefined
  /** Worst first. */
  readonly levels: readonly RuleLevel[]
  readonly holdMs: number
  readonly clear: Held
  /** Periods of silence after which the place is unknown; undefined when silence says nothing. */
  readonly silentPeriods: number | undefined
  readonly plan: string | undefined
  readonly forecast: { readonly model: string; readonly horizonMs: number; readonly everyMs: number } | undefined
  /** What counts as the event really having happened. */
  readonly outcome: Outcome | undefined
  readonly stories: readonly Story[]
}
