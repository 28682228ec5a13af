/**
 * How good the warnings were. A hit was warned of before its onset; a late one after it, and counts as not detected
 * in time. POD = hit / (hit + late + missed), FAR = false alarms / (hit + late + false alarms),
 * CSI = hit / (hit + late + missed + false alarms); lead is the median over hits, minutes.
 */
import type { Score } from '@forewarn/contracts/alerts-api'
import { type Outcome, outcomes } from '@forewarn/contracts/episode'
import { median } from 'simple-statistics'
import type { OutcomeRow } from './ledger.ts'

/** Counts of outcomes, POD, FAR and CSI (0 to 1; null without cases), and the median lead in minutes. */
export function scoreOf(rows: readonly OutcomeRow[]): Score {
  const counts = countsOf(rows)
  const { hit, late, missed } = counts
  const falseAlarms = counts['false-alarm']
  const leads = rows.flatMap(({ outcome, leadMin }) => (outcome === 'hit' && leadMin !== undefined ? [leadMin] : []))
  const byVersion = Map.groupBy(rows, ({ rule, ruleVersion }) => JSON.stringify([rule, ruleVersion]))
  return {
    counts,
    pod: ratio(hit, hit + late + missed),
    far: ratio(falseAlarms, hit + late + falseAlarms),
    csi: ratio(hit, hit + late + missed + falseAlarms),
    leadMinMedian: leads.length === 0 ? null : median(leads),
    byRule: [...byVersion.values()].map(group => ({
      rule: group[0]?.rule ?? '',
      ruleVersion: group[0]?.ruleVersion ?? '',
      counts: countsOf(group),
    })),
  }
}

function countsOf(rows: readonly OutcomeRow[]): Record<Outcome, number> {
  const counts = { hit: 0, late: 0, 'false-alarm': 0, missed: 0, 'not-verifiable': 0 }
  for (const { outcome } of rows) {
    const known = outcomes.find(one => one === outcome)
    if (known) counts[known]++
  }
  return counts
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole
}
