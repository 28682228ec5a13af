/**
 * How bad it is. The four warning colours of the Chinese national scheme, worst first, and the fifth state
 * that no other system has: unknown. Silence is unknown, never "none".
 */
import { z } from 'zod'

export const levels = ['red', 'orange', 'yellow', 'blue'] as const
export const Level = z.enum(levels)
export type Level = z.infer<typeof Level>

/** What can be said of a place for one hazard. `none` is a statement: it was looked at, and nothing is wrong. */
export const Condition = z.enum([...levels, 'unknown', 'none'])
export type Condition = z.infer<typeof Condition>

const severity: Record<Condition, number> = { red: 5, orange: 4, yellow: 3, blue: 2, unknown: 1, none: 0 }

/** Orders conditions, worst first: negative when `a` is worse than `b`. */
export function compareConditions(a: Condition, b: Condition): number {
  return severity[b] - severity[a]
}

/** The worst of several conditions; `none` when there are none to look at. */
export function worstCondition(conditions: Iterable<Condition>): Condition {
  let worst: Condition = 'none'
  for (const condition of conditions) if (severity[condition] > severity[worst]) worst = condition
  return worst
}
