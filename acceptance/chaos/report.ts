/** What a run found, for a person to read. */
import type { ChaosReport } from './run.ts'

/** Nothing lost, nothing doubled, nothing said that was not, nobody warned twice, and nothing fell over by itself. */
export function isSound(report: ChaosReport): boolean {
  const { lost, twice, strange, warnings, endedByThemselves, ledger } = report
  const wrong = lost + twice + strange + warnings.missing.length + warnings.twice.length + endedByThemselves.length
  return wrong === 0 && report.acknowledged > 0 && ledger?.imbalances.length === 0
}

export function reportLines(report: ChaosReport): string[] {
  const { recoveriesMs, warnings, ledger } = report
  const faults = Object.entries(report.faults).map(([kind, times]) => `${kind} ×${times}`)
  return [
    '',
    `faults          ${faults.join(', ')}`,
    ...report.notTried.map(what => `not tried       ${what}`),
    `acknowledged    ${report.acknowledged} readings`,
    `lost            ${report.lost}`,
    `rows twice      ${report.twice}`,
    `never said      ${report.strange}`,
    `at arrival again ${report.repeatedAtArrival} (clocks that are off, sent again before they were acknowledged)`,
    `flooded roads   ${report.floodedRoads}: ${warnings.missing.length} without a warning, ${warnings.twice.length} warned twice`,
    ledger === undefined
      ? 'ledger          never came to rest'
      : `ledger          ${ledger.journalled} in the journal, ${ledger.stored} stored: ${ledger.imbalances.length === 0 ? 'balanced' : ledger.imbalances.join('; ')}`,
    `recovery        median ${quantile(recoveriesMs, 0.5)} ms, longest ${quantile(recoveriesMs, 1)} ms, of ${recoveriesMs.length} uninterrupted ones`,
    `memory          ${(report.mostResidentBytes / 1e6).toFixed(0)} MB at most in the house's process`,
    `took            ${(report.tookMs / 1000).toFixed(0)} s`,
    ...(report.refusedStarts === 0 ? [] : [`refused starts  ${report.refusedStarts}, because the disk was full`]),
    ...report.endedByThemselves.map(words => `ended by itself: ${words}`),
    ...report.examples,
    isSound(report) ? 'sound' : 'NOT SOUND',
  ]
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}
