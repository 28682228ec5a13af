/**
 * The order of the list: unacknowledged first, then level, then what crosses soonest. Pure. Under the pointer the
 * order stands still: an officer must never press what moved under the finger.
 */
import type { Warning } from '@forewarn/contracts/warning'
import { rankOf } from './levels.ts'

/** Whether it belongs into the list: everything but what is over. */
export function isOpen(warning: Warning): boolean {
  return warning.state !== 'resolved'
}

export function isUnacknowledged(warning: Warning): boolean {
  return warning.state === 'active-unacknowledged' || warning.state === 'returned-unacknowledged'
}

/** Open warnings in the order in which they need a person. */
export function inOrder(warnings: Iterable<Warning>): Warning[] {
  return [...warnings].filter(isOpen).sort(compare)
}

function compare(a: Warning, b: Warning): number {
  return (
    Number(isUnacknowledged(b)) - Number(isUnacknowledged(a)) ||
    rankOf(a.level) - rankOf(b.level) ||
    soonness(a) - soonness(b) ||
    a.raisedAtMs - b.raisedAtMs ||
    (a.id < b.id ? -1 : 1)
  )
}

/** By the minute: a forecast that wobbles by seconds must not shuffle the list. */
function soonness(warning: Warning): number {
  const atMs = warning.expectedAtMs?.p50
  return atMs === undefined ? Number.POSITIVE_INFINITY : Math.floor(atMs / 60_000)
}

export interface ShownOrder {
  readonly ids: readonly string[]
  /** Those held back while the order stands still. */
  readonly newIds: readonly string[]
}

/** What the list shows: the wanted order, or the one on screen while it is held. */
export function shownOrder({
  wanted,
  shown,
  held,
}: {
  wanted: readonly string[]
  shown: readonly string[]
  held: boolean
}): ShownOrder {
  if (!held || shown.length === 0) return { ids: wanted, newIds: [] }
  const known = new Set(shown)
  return { ids: shown, newIds: wanted.filter(id => !known.has(id)) }
}

/** What the next key acts on: what the officer chose, else the worst that nobody has answered, else the first. */
export function selectionOf({
  order,
  chosenId,
  answeredIds,
}: {
  order: readonly Warning[]
  chosenId: string | undefined
  answeredIds: ReadonlySet<string>
}): Warning | undefined {
  const chosen = order.find(warning => warning.id === chosenId)
  if (chosen !== undefined) return chosen
  return order.find(warning => isUnacknowledged(warning) && !answeredIds.has(warning.id)) ?? order[0]
}
