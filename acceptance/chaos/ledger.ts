/**
 * Whether the house's own ledger balances once everything has come to rest: stricter than its watch, which gives
 * counts time to agree.
 */
import { LedgerReport, type LedgerRow } from '@forewarn/contracts/ledger'
import { runningHouse } from '@forewarn/deploy/data-dir'
import type { Site } from './site.ts'

export interface LedgerFound {
  readonly journalled: number
  readonly stored: number
  /** What does not agree, in words. */
  readonly imbalances: readonly string[]
}

/** Asks the house that runs; undefined while it does not answer, or while something still waits. */
export async function ledgerOf({ dataDir, secrets, district }: Site): Promise<LedgerFound | undefined> {
  const house = await runningHouse(dataDir)
  if (house === undefined) return undefined
  const headers = { authorization: `Bearer ${secrets.innerToken}` }
  const rows: LedgerRow[] = []
  const imbalances: string[] = []
  for (const { id } of district.gateways) {
    const url = new URL(`/api/ledger?hours=24&gateway=${id}`, house.consoleUrl)
    const answer = await fetch(url, { headers }).catch(() => undefined)
    if (answer?.ok !== true) return undefined
    const report = LedgerReport.parse(await answer.json())
    rows.push(...report.rows)
    for (const { gateway, stage, readings } of report.imbalances) imbalances.push(`${gateway} ${stage}: ${readings}`)
  }
  if (rows.some(row => row.waitingForStore + row.waitingForRules > 0)) return undefined
  return {
    journalled: sum(rows, row => row.journalled),
    stored: sum(rows, row => row.stored),
    imbalances: [...new Set([...imbalances, ...rows.flatMap(disagreements)])],
  }
}

function disagreements(row: LedgerRow): string[] {
  const { gateway, acknowledged, journalled, stored, setAside, evaluated } = row
  const refused = sum(Object.values(row.rejected), count => count)
  const found: string[] = []
  if (acknowledged > journalled + refused)
    found.push(`${gateway}: ${acknowledged} acknowledged, ${journalled} in the journal and ${refused} refused`)
  if (journalled !== stored + setAside)
    found.push(`${gateway}: ${journalled} in the journal, ${stored} stored and ${setAside} set aside`)
  if (evaluated !== null && evaluated !== journalled)
    found.push(`${gateway}: ${journalled} in the journal, ${evaluated} judged`)
  return found
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
