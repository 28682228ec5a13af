/** Observed and forecast values on one time axis, as the chart takes them. Pure. */
import type { Forecast } from '@forewarn/contracts/episode'
import type { Series } from '../wire.ts'

const minuteMs = 60_000
const pastMs = 60 * minuteMs
const aheadMs = 90 * minuteMs

export interface Curves {
  readonly fromMs: number
  readonly toMs: number
  readonly atMs: number[]
  readonly observed: (number | null)[]
  readonly p10: (number | null)[]
  readonly p50: (number | null)[]
  readonly p90: (number | null)[]
}

/**
 * One hour back, one and a half ahead. The forecast starts at the last observed value, so that the fan opens where
 * the line ends; what it said about the time before that is left out. `factor` brings values into shown units.
 */
export function curvesOf({
  observed,
  forecast,
  nowMs,
  factor,
}: {
  observed: Series | null
  forecast: Forecast | undefined
  nowMs: number
  factor: number
}): Curves {
  const [fromMs, toMs] = [nowMs - pastMs, nowMs + aheadMs]
  const curves: Curves = { fromMs, toMs, atMs: [], observed: [], p10: [], p50: [], p90: [] }
  let last: { atMs: number; value: number } | undefined
  for (const [i, atMs] of (observed?.atMs ?? []).entries()) {
    const value = observed?.value[i]
    if (atMs < fromMs || atMs > toMs) continue
    push(curves, { atMs, observed: typeof value === 'number' ? value * factor : null })
    if (typeof value === 'number') last = { atMs, value: value * factor }
  }
  if (forecast !== undefined) addForecast(curves, { forecast, factor, last })
  return curves
}

function push(
  curves: Curves,
  point: { atMs: number; observed?: number | null; p10?: number; p50?: number; p90?: number },
): void {
  curves.atMs.push(point.atMs)
  curves.observed.push(point.observed ?? null)
  curves.p10.push(point.p10 ?? null)
  curves.p50.push(point.p50 ?? null)
  curves.p90.push(point.p90 ?? null)
}

function addForecast(
  curves: Curves,
  { forecast, factor, last }: { forecast: Forecast; factor: number; last: { atMs: number; value: number } | undefined },
): void {
  const at = last === undefined ? -1 : curves.atMs.lastIndexOf(last.atMs)
  if (last !== undefined && at !== -1) for (const fan of [curves.p10, curves.p50, curves.p90]) fan[at] = last.value
  const afterMs = Math.max(last?.atMs ?? Number.NEGATIVE_INFINITY, curves.atMs.at(-1) ?? curves.fromMs)
  for (const [i, leadMin] of forecast.leadMin.entries()) {
    const atMs = forecast.issuedAtMs + leadMin * minuteMs
    const [p10, p50, p90] = [forecast.p10[i], forecast.p50[i], forecast.p90[i]]
    if (atMs <= afterMs || atMs > curves.toMs || p10 === undefined || p50 === undefined || p90 === undefined) continue
    push(curves, { atMs, p10: p10 * factor, p50: p50 * factor, p90: p90 * factor })
  }
}
