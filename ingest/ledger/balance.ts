/**
 * Whether the stages' counts agree, and for how long they have not. A stage is judged for a gateway once it has
 * passed that gateway's last record of the hour: until then the difference waits, and is no fault.
 */
import type { Imbalance, LedgerStage } from '@forewarn/contracts/ledger'
import type { Hour, Positions } from './hour.ts'

export interface Difference {
  readonly row: number
  readonly stage: LedgerStage
  readonly readings: number
}

/**
 * Every disagreement in one hour, and whether something of it still waits and must be looked at again. The journal
 * must have been read to its end: `door` is judged by it.
 */
export function differencesIn(hour: Hour, positions: Positions): { found: Difference[]; isOpen: boolean } {
  const { acknowledged, journalled, stored, setAside } = hour.counts
  const refused = [...hour.rejected.values()]
  const found: Difference[] = []
  let isOpen = false
  for (let row = 0; row < hour.lastNext.length; row++) {
    const kept = journalled[row] ?? 0
    let door = (acknowledged[row] ?? 0) - kept
    for (const column of refused) door -= column[row] ?? 0
    if (door > 0) found.push({ row, stage: 'door', readings: door })
    const next = hour.lastNext[row] ?? 0
    const store = kept - (stored[row] ?? 0) - (setAside[row] ?? 0)
    if (store !== 0 && positions.stored >= next) found.push({ row, stage: 'store', readings: store })
    const evaluated = hour.maybe.evaluated[row] ?? -1
    const isKnown = !hour.evaluatedUnknown && evaluated >= 0
    const rules = isKnown ? kept - evaluated : 0
    if (rules !== 0 && positions.evaluated >= next) found.push({ row, stage: 'rules', readings: rules })
    isOpen ||= store !== 0 || rules !== 0 || door > 0
  }
  return { found, isOpen }
}

export interface ImbalanceWatch {
  /** Takes in what differs now; returns what has just outlasted the grace time. */
  look(now: readonly Omit<Imbalance, 'sinceMs'>[], atMs: number): Imbalance[]
  /** What has outlasted the grace time and still does. */
  standing(): Imbalance[]
}

/** Tells passing differences from those that stay. `graceMs` is the house's time. */
export function watchImbalances(graceMs: number): ImbalanceWatch {
  let seen = new Map<string, Imbalance & { readonly isTold: boolean }>()
  return {
    look(now, atMs) {
      const told: Imbalance[] = []
      const next: typeof seen = new Map()
      for (const one of now) {
        const key = `${one.gateway} ${one.hourMs} ${one.stage}`
        const sinceMs = seen.get(key)?.sinceMs ?? atMs
        const isTold = atMs - sinceMs >= graceMs
        if (isTold && seen.get(key)?.isTold !== true) told.push({ ...one, sinceMs })
        next.set(key, { ...one, sinceMs, isTold })
      }
      seen = next
      return told
    },
    standing: () => [...seen.values()].filter(({ isTold }) => isTold).map(({ isTold: _, ...one }) => one),
  }
}
