/**
 * What a rule's condition can see: the reading that was just taken, the place it belongs to, and what else is known
 * of that place. Live, replay, stories and backtests fill the same window.
 */
import type { Place } from '@forewarn/contracts/district'
import type { Quantity } from '@forewarn/contracts/quantity'

export const aggregates = ['avg', 'max', 'min', 'sum', 'count', 'rate', 'slope'] as const
export type Aggregate = (typeof aggregates)[number]

export interface WindowSpan {
  readonly aggregate: Aggregate
  readonly quantity: Quantity
  readonly spanMs: number
}

export interface Window {
  /** The watched quantity, in its unit; NaN when there is none yet. */
  readonly value: number
  readonly place: Place
  /** Newest value of another quantity at the place; NaN when there is none. */
  latest(quantity: Quantity): number
  /** Over the readings of the last `spanMs`; NaN when there are none. `rate` and `slope` are per minute. */
  over(span: WindowSpan): number
  /** Chance that the forecast value reaches `limit` within `horizonMs`; NaN without a forecast. */
  probability(limit: number, horizonMs: number): number
}

/** A window on one value alone: for limits and for tests. */
export function windowOn(place: Place, value: number): Window {
  return { value, place, latest: () => Number.NaN, over: () => Number.NaN, probability: () => Number.NaN }
}
