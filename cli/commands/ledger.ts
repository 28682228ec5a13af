/**
 * `forewarn ledger`: what arrived in each hour and what became of it, stage by stage, and whether the counts agree.
 * Ends with 0 when they do, 1 when they do not.
 */
import type { Imbalance, LedgerReport, LedgerRow } from '@forewarn/contracts/ledger'
import { Command } from 'commander'
import { exitCodes, WrongUse } from '../exit-codes.ts'
import { askLedger, findHouse } from '../running-house.ts'
import { settingsOf, withSettingFlags } from '../setting-flags.ts'
import { say, sayJson, table } from '../terminal.ts'

export function ledgerCommand(): Command {
  return withSettingFlags(new Command('ledger'))
    .summary('show what became of the readings of each hour, and whether every count agrees')
    .description(
      'Shows, for each hour of arrival, how many readings were sent, acknowledged, kept, stored and judged. Ends with 1 when counts disagree.',
    )
    .option('--gateway <id>', 'one gateway instead of all together')
    .option('--hours <number>', 'how many hours back, at most 336', '24')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  forewarn ledger --gateway gw-tidal-2 --hours 6')
    .action(showLedger)
}

async function showLedger(options: Record<string, unknown>): Promise<void> {
  const { dataDir } = settingsOf(options)
  const door = await findHouse(dataDir)
  if (door === undefined)
    throw new WrongUse(`no house runs in ${dataDir}: start one, or name its folder with --data-dir`)
  const query = new URLSearchParams({ hours: hoursOf(options['hours']) })
  if (typeof options['gateway'] === 'string') query.set('gateway', options['gateway'])
  const report = await askLedger(door, query)
  if (typeof report === 'string') throw new WrongUse(report)
  if (options['json'] === true) sayJson({ balanced: report.imbalances.length === 0, ...report })
  else sayLedger(report)
  process.exitCode = report.imbalances.length === 0 ? exitCodes.ok : exitCodes.trouble
}

function hoursOf(text: unknown): string {
  const hours = Number(text)
  if (Number.isInteger(hours) && hours >= 1 && hours <= 336) return String(hours)
  throw new WrongUse(`--hours ${String(text)}: a whole number from 1 to 336`)
}

const columns = [
  ['hour (UTC)', ({ hourMs }: LedgerRow) => hourText(hourMs)],
  ['sent', ({ sent }) => countText(sent)],
  ['dropped', ({ dropped }) => countText(dropped)],
  ['acknowledged', ({ acknowledged }) => countText(acknowledged)],
  ['unconfirmed', ({ unconfirmed }) => countText(unconfirmed)],
  ['journal', ({ journalled }) => countText(journalled)],
  ['stored', ({ stored }) => countText(stored)],
  ['set aside', ({ setAside }) => countText(setAside)],
  ['judged', ({ evaluated }) => countText(evaluated)],
  ['duplicates', ({ duplicates }) => countText(duplicates)],
  ['gaps', ({ missingBatches }) => countText(missingBatches)],
  ['refused', ({ rejected }) => rejectedText(rejected)],
] as const satisfies readonly (readonly [string, (row: LedgerRow) => string])[]

function sayLedger({ rows, imbalances }: LedgerReport): void {
  const lines = rows.map(row => columns.map(([, cell]) => cell(row)))
  if (rows.length === 0) say('nothing arrived in this time')
  else for (const line of table([columns.map(([title]) => title), ...lines])) say(line)
  say('')
  for (const one of imbalances) say(`LOOK: ${imbalanceText(one)}`)
  if (imbalances.length > 0) return say('the counts do not agree: keep the data folder as it is, and tell the makers')
  say(`every count agrees${waitingText(rows)}`)
}

const hourText = (hourMs: number) => new Date(hourMs).toISOString().slice(0, 13).replace('T', ' ')
const countText = (count: number | null) => (count === null ? '-' : String(count))

function rejectedText(rejected: LedgerRow['rejected']): string {
  const parts = Object.entries(rejected).map(([reason, count]) => `${reason} ${count}`)
  return parts.length === 0 ? '0' : parts.join(', ')
}

function waitingText(rows: readonly LedgerRow[]): string {
  const store = rows.reduce((sum, row) => sum + row.waitingForStore, 0)
  const rules = rows.reduce((sum, row) => sum + row.waitingForRules, 0)
  return store + rules === 0 ? '' : `; ${store} readings wait for the store, ${rules} for the rules`
}

function imbalanceText({ gateway, hourMs, stage, readings }: Imbalance): string {
  const what = readings > 0 ? `${readings} readings missing` : `${-readings} readings counted twice`
  return `${gateway}, ${hourText(hourMs)}h: ${what} at ${stageTexts[stage]}`
}

const stageTexts = {
  uplink: 'the uplink (acknowledged to the gateway, and not kept)',
  door: 'the door (acknowledged, and not in the journal)',
  store: 'the store (passed by the writer, and not stored)',
  rules: 'the rules (passed by them, and not judged)',
} as const satisfies Record<Imbalance['stage'], string>
