/**
 * What a rule says of one moment: the only place where conditions are asked. Live, replay, stories and backtests
 * all come through here. Pure: time that must pass first (`hold`) is cells.ts.
 */
import type { Level } from '@forewarn/contracts/level'
import type { Expression, Rule } from '../language/rule.ts'
import type { Window } from '../language/window.ts'

export interface Verdict {
  /** The worst level whose condition holds. */
  readonly level: Level | 'none'
  /** Whether the clear condition holds. */
  readonly clears: boolean
  /** The condition that decided; undefined when none holds. */
  readonly because: Expression | undefined
}

/** Asks all conditions of a rule. A value of NaN makes every comparison false. */
export function evaluate(rule: Rule, window: Window): Verdict {
  for (const { level, when } of rule.levels) {
    // A clear condition may overlap a level's: the level wins, so that nothing clears while it is still bad.
    if (when.holds(window)) return { level, clears: false, because: when }
  }
  return { level: 'none', clears: rule.clear.when.holds(window), because: undefined }
}
