/**
 * How ingest is: what `/health` answers, with what a person should do about it.
 */
import type { Check, ProcessHealth } from '@forewarn/contracts/health'
import type { ReadingJournal } from '@forewarn/journal/reading-journal'
import type { Clock } from '@forewarn/runtime/clock'
import type { ReadingStore } from '@forewarn/store/reading-store'
import { type Clocks, hoursOf } from './clocks.ts'
import type { IngestCounts } from './counts.ts'
import type { Gateways } from './gateways/gateways.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { Quarantine } from './quarantine/quarantine.ts'
import type { StoreWriter } from './writer.ts'

export interface HealthParts {
  readonly journal: ReadingJournal
  readonly store: ReadingStore
  readonly writer: StoreWriter
  readonly gateways: Gateways
  readonly clocks: Clocks
  readonly quarantine: Quarantine
  readonly counts: IngestCounts
  readonly clock: Clock
  readonly ledger: Pick<Ledger, 'check'>
  /** Of what stands beside ingest in its process. */
  readonly moreChecks?: (() => readonly Check[]) | undefined
}

const lagWarningMs = 30_000
const lagFailedMs = 300_000
const hourMs = 3_600_000
const megabyte = 1024 * 1024

/** How ingest and its store are now. */
export async function ingestHealth(parts: HealthParts): Promise<ProcessHealth> {
  const { store, clock } = parts
  const atMs = clock.nowMs()
  const ours = [
    journalCheck(parts),
    lagCheck(parts),
    gatewayCheck(parts),
    clockCheck(parts),
    quarantineCheck(parts),
    parts.ledger.check(),
  ]
  return { process: 'ingest', atMs, checks: [...ours, ...(await store.health())], figures: figuresOf(parts) }
}

/** Age of the oldest reading that the store does not have, ms. */
export function storeLagMs({ writer, clock }: Pick<HealthParts, 'writer' | 'clock'>): number {
  const oldestMs = writer.oldestWaitingMs()
  return oldestMs === undefined ? 0 : Math.max(0, clock.nowMs() - oldestMs)
}

function journalCheck({ journal }: HealthParts): Check {
  const { bytes, maxBytes, damagedRecords } = journal.figures()
  const full = bytes / maxBytes
  const detail = `${(bytes / megabyte).toFixed(1)} of ${(maxBytes / megabyte).toFixed(0)} MB used`
  const remedy = 'find out which consumer is behind (figures), or raise FOREWARN_JOURNAL_MAX_MB'
  if (full > 0.9) return { name: 'journal', status: 'failed', detail, remedy }
  if (full > 0.5) return { name: 'journal', status: 'warning', detail, remedy }
  if (damagedRecords === 0) return { name: 'journal', status: 'ok', detail, remedy: '' }
  const rot = `${damagedRecords} records rotted on disk and were passed over`
  return { name: 'journal', status: 'warning', detail: rot, remedy: 'check the disk' }
}

function lagCheck(parts: HealthParts): Check {
  const name = 'store-lag'
  const trouble = parts.writer.trouble()
  // A drill runs faster than the wall clock, and so grows old faster.
  const lagMs = storeLagMs(parts) / parts.clock.speed
  const aside = parts.counts.totals().batchesSetAside
  const detail = `${Math.round(lagMs / 1000)} s behind${trouble === undefined ? '' : `: ${trouble}`}`
  const remedy = 'see that the store runs; the journal keeps the readings until then'
  if (lagMs > lagFailedMs) return { name, status: 'failed', detail, remedy }
  if (lagMs > lagWarningMs || trouble !== undefined) return { name, status: 'warning', detail, remedy }
  if (aside === 0) return { name, status: 'ok', detail, remedy: '' }
  const asideRemedy = 'look into the folder set-aside, and tell the makers'
  return { name, status: 'warning', detail: `${aside} batches the store cannot take`, remedy: asideRemedy }
}

function gatewayCheck({ gateways, clock }: HealthParts): Check {
  const silent = gateways.silent(clock.nowMs())
  const missing = gateways.missingBatches()
  const gaps = missing === 0 ? '' : `; ${missing} batches never came`
  if (silent.length === 0) return { name: 'gateways', status: 'ok', detail: `all speak${gaps}`, remedy: '' }
  const named = silent.slice(0, 5).join(', ') + (silent.length > 5 ? ', …' : '')
  const detail = `${silent.length} silent: ${named}${gaps}`
  return { name: 'gateways', status: 'warning', detail, remedy: 'check their power and uplink' }
}

function clockCheck({ clocks }: HealthParts): Check {
  const wrong = clocks.wrong()
  if (wrong.length === 0) return { name: 'gateway-clocks', status: 'ok', detail: 'all can be believed', remedy: '' }
  const named = wrong.slice(0, 5).map(({ gateway, offsetMs, sinceMs }) => {
    const since = new Date(sinceMs).toISOString().slice(0, 16)
    return `${gateway} ${Math.abs(hoursOf(offsetMs))} h ${offsetMs < 0 ? 'behind' : 'ahead'} since ${since}Z`
  })
  const detail = `${wrong.length} wrong: ${named.join(', ')}${wrong.length > 5 ? ', …' : ''}; readings count at their arrival`
  return { name: 'gateway-clocks', status: 'warning', detail, remedy: 'set the clocks by NTP' }
}

/** So many gateways have figures of their own: the worst. */
const clockFiguresAtMost = 20

function clockFigures(clocks: Clocks): Record<string, number> {
  const wrong = clocks.wrong()
  const each = wrong.slice(0, clockFiguresAtMost).flatMap(({ gateway, offsetMs, sinceMs }): [string, number][] => [
    [`clockOffsetHours.${gateway}`, hoursOf(offsetMs)],
    [`clockWrongSinceMs.${gateway}`, sinceMs],
  ])
  return { gatewaysWithWrongClock: wrong.length, ...Object.fromEntries(each) }
}

function quarantineCheck({ quarantine, clock }: HealthParts): Check {
  const { counts } = quarantine.report()
  const detail = Object.entries(counts).map(([reason, count]) => `${reason} ${count}`)
  const newestAtMs = quarantine.newestAtMs()
  const isFresh = newestAtMs !== undefined && clock.nowMs() - newestAtMs < hourMs
  return {
    name: 'quarantine',
    status: isFresh ? 'warning' : 'ok',
    detail: detail.length === 0 ? 'empty' : detail.join(', '),
    remedy: isFresh ? 'look at the originals (GET /quarantine)' : '',
  }
}

function figuresOf(parts: HealthParts): Record<string, number> {
  const { journal, gateways, quarantine, counts } = parts
  const { accepted, rejected, stored, storeFailures, batchesSetAside } = counts.totals()
  const { bytes, segments, endOffset, consumers, damagedRecords, tornBytes } = journal.figures()
  const behind = consumers.map(({ name, position }): [string, number] => [
    `journalBehindBytes.${name}`,
    endOffset - position,
  ])
  return {
    readingsAccepted: accepted,
    readingsRejected: rejected,
    readingsStored: stored,
    storeFailures,
    storeLagMs: storeLagMs(parts),
    batchesSetAside,
    batchesMissing: gateways.missingBatches(),
    gatewaysOnline: gateways.online(),
    ...clockFigures(parts.clocks),
    quarantineFilesDropped: quarantine.filesDropped(),
    journalBytes: bytes,
    journalSegments: segments,
    journalDamagedRecords: damagedRecords,
    journalTornBytes: tornBytes,
    journalStrangers: journal.strangers(),
    ...Object.fromEntries(behind),
  }
}
