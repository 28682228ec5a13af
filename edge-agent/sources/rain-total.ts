/**
 * Rain from a gauge's running total: how much fell between two reports. A total only ever grows, until it wraps at the
 * end of its digits, or is set back by a person or a power cut.
 */
export interface RainTotal {
  readonly totalMm: number
  readonly atMs: number
}

export type RainStep =
  | { readonly kind: 'rain'; readonly mm: number; readonly durationMs: number }
  /** Nothing to compare with; the same report again; a report older than the last one. */
  | { readonly kind: 'first' | 'repeated' | 'older' }
  /** The total went back or leapt: how much fell in between is not known. */
  | { readonly kind: 'reset' }

export interface RainTotalRules {
  /** The total begins again at 0 here: 100,000 for five digits before the point. */
  readonly wrapAtMm: number
  /** More than this is no rain, but a total that somebody set. */
  readonly mostMmPerHour: number
}

/** A short interval may hold a burst: so much is believed however short it is. */
const alwaysBelievedMm = 40

/** What fell between two totals. */
export function rainBetween(before: RainTotal | undefined, now: RainTotal, rules: RainTotalRules): RainStep {
  if (before === undefined) return { kind: 'first' }
  const durationMs = now.atMs - before.atMs
  if (durationMs < 0) return { kind: 'older' }
  if (durationMs === 0) return { kind: 'repeated' }
  const mm = rounded(
    now.totalMm >= before.totalMm ? now.totalMm - before.totalMm : now.totalMm + rules.wrapAtMm - before.totalMm,
  )
  const believedMm = Math.max(alwaysBelievedMm, (rules.mostMmPerHour * durationMs) / 3_600_000)
  return mm <= believedMm ? { kind: 'rain', mm, durationMs } : { kind: 'reset' }
}

/** Gauges count tenths; what lies behind the third digit is binary dust. */
function rounded(mm: number): number {
  return Math.round(mm * 1000) / 1000
}
