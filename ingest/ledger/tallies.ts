/**
 * The counts of the ledger in memory: the newest hours, and what is known of each gateway beyond an hour. Whatever is
 * told twice (a record read again after a crash, a line of the quarantine found again) counts once.
 */
import type { EvaluatedTally, Imbalance, LedgerRow } from '@forewarn/contracts/ledger'
import type { RejectionReason } from '@forewarn/contracts/rejection'
import { differencesIn } from './balance.ts'
import { type GatewayTotals, noteKept, noteSaid, type Said, unheardOf, uplinkDifference } from './gateway-totals.ts'
import { add, addRejected, addSaid, emptyHour, type Hour, hourMs, hourOf, type Positions, rowOf } from './hour.ts'
import { noteSequence } from './sequence.ts'

/** A record of the journal, as the ledger counts it. */
export interface CountedRecord {
  /** Offset behind it. */
  readonly next: number
  readonly gateway: string
  readonly receivedAtMs: number
  readonly readings: number
  /** The gateway's number for it; -1 when it gave none. */
  readonly sequence: number
}

export interface CountedRejection {
  /** Number of its line in the quarantine; -1 for a line of before lines had numbers. */
  readonly number: number
  readonly gateway: string
  readonly atMs: number
  readonly reason: RejectionReason
  readonly readings: number
  /** It counted as a reading all the same, and is in the journal. */
  readonly kept: boolean
}

/** So many hours stay in memory. */
export const hoursInMemory = 48
/** Stands for gateways that are not in the registry. */
const nobody = '(not in the registry)'
const nothing = { found: [], isOpen: false } as const

export class Tallies {
  readonly ids: readonly string[]
  readonly rowOfId: ReadonlyMap<string, number>
  readonly hours = new Map<number, Hour>()
  readonly gateways = new Map<string, GatewayTotals>()
  /** How far the journal was followed and the store has come, in offsets; number of the last rejection. */
  readonly marks = { followed: 0, stored: 0, rejected: -1 }
  /** Hours that changed since they were written down, and those to be compared again. */
  readonly dirty = new Set<number>()
  readonly open = new Set<number>()
  #evaluatedUpTo = 0

  constructor(gatewayIds: readonly string[]) {
    this.ids = [...gatewayIds, nobody]
    this.rowOfId = new Map(this.ids.map((id, row) => [id, row]))
  }

  /** A record was read back from the journal. */
  journalled(record: CountedRecord): void {
    const { hour, row } = this.#cell(record.gateway, record.receivedAtMs)
    if (record.next > hour.marks.journalled) {
      hour.marks.journalled = record.next
      hour.lastNext[row] = record.next
      add(hour.counts.journalled, row, record.readings)
    }
    if (record.next <= this.marks.followed) return
    this.marks.followed = record.next
    const isRepeat = record.sequence >= 0 && this.#sequence(record, { hour, row })
    const totals = this.#totals(record.gateway)
    this.gateways.set(record.gateway, noteKept(totals, isRepeat ? 0 : record.readings))
  }

  /** A batch came of which nothing was a reading: its number came all the same. */
  cameEmpty(gateway: string, sequence: number, atMs: number): void {
    if (sequence < 0) return
    this.#sequence({ gateway, sequence, receivedAtMs: atMs, readings: 0 }, this.#cell(gateway, atMs))
  }

  /** The store has passed a record: it took so many of its readings, and the others were set aside. */
  stored(record: Omit<CountedRecord, 'sequence'>, setAside: number): void {
    const { hour, row } = this.#cell(record.gateway, record.receivedAtMs)
    this.marks.stored = Math.max(this.marks.stored, record.next)
    if (record.next <= hour.marks.stored) return
    hour.marks.stored = record.next
    add(hour.counts.stored, row, record.readings - setAside)
    add(hour.counts.setAside, row, setAside)
  }

  /** A message was acknowledged: so many readings of it are in the journal or refused for good. */
  acknowledged(gateway: string, atMs: number, readings: number): void {
    const { hour, row } = this.#cell(gateway, atMs)
    add(hour.counts.acknowledged, row, readings)
  }

  rejected({ number, gateway, atMs, reason, readings, kept }: CountedRejection): void {
    if (kept) return
    const { hour, row } = this.#cell(gateway, atMs)
    if (number > hour.marks.rejected) {
      hour.marks.rejected = number
      addRejected(hour, row, { reason, count: readings })
    }
    if (number <= this.marks.rejected) return
    this.marks.rejected = number
    this.gateways.set(gateway, noteKept(this.#totals(gateway), readings))
  }

  /** What a gateway's status counts. */
  said(gateway: string, said: Said, atMs: number): void {
    const { hour, row } = this.#cell(gateway, atMs)
    const { totals, sent, dropped } = noteSaid(this.#totals(gateway), said)
    this.gateways.set(gateway, totals)
    if (sent !== undefined) addSaid(hour, 'sent', { row, count: sent })
    if (dropped !== undefined) addSaid(hour, 'dropped', { row, count: dropped })
  }

  /** What the rules have judged; their count of an hour takes the place of what they said before. */
  evaluated({ from, firstHourMs, position, hours }: EvaluatedTally): void {
    this.#evaluatedUpTo = position
    for (const { hourMs: startMs, readings } of hours) {
      const hour = this.hour(startMs)
      const isWhole = from === 0 || (firstHourMs !== null && startMs > firstHourMs)
      hour.evaluatedUnknown = !isWhole
      for (const [id, count] of Object.entries(readings)) {
        const row = this.rowOfId.get(id)
        if (row !== undefined) hour.maybe.evaluated[row] = count
      }
    }
  }

  get positions(): Positions {
    return { stored: this.marks.stored, evaluated: this.#evaluatedUpTo }
  }

  /** Every disagreement among the hours in memory. The journal must have been followed to its end. */
  differences(): Omit<Imbalance, 'sinceMs'>[] {
    const found = [...this.open].flatMap(startMs => this.#differencesOf(startMs))
    for (const [gateway, totals] of this.gateways) {
      const readings = uplinkDifference(totals)
      const saidHourMs = totals.saidAtMs === undefined ? 0 : hourOf(totals.saidAtMs)
      if (readings > 0) found.push({ gateway, hourMs: saidHourMs, stage: 'uplink', readings })
    }
    return found
  }

  #differencesOf(startMs: number): Omit<Imbalance, 'sinceMs'>[] {
    const hour = this.hours.get(startMs)
    const { found, isOpen } = hour === undefined ? nothing : differencesIn(hour, this.positions)
    if (!isOpen) this.open.delete(startMs)
    return found.map(({ row, ...one }) => ({ ...one, gateway: this.ids[row] ?? nobody, hourMs: startMs }))
  }

  /** One gateway's hour, or all gateways' when none is named; undefined for a gateway nobody knows. */
  row(hour: Hour, gateway: string | undefined): LedgerRow | undefined {
    if (gateway === undefined) return rowOf(hour, null, undefined)
    const row = this.rowOfId.get(gateway)
    return row === undefined ? undefined : rowOf(hour, gateway, row)
  }

  /** The hour that begins at `startMs`; changed from now on. */
  hour(startMs: number): Hour {
    let hour = this.hours.get(startMs)
    if (hour === undefined) {
      hour = emptyHour(startMs, this.ids.length)
      this.hours.set(startMs, hour)
    }
    this.#changed(startMs)
    return hour
  }

  /** Lets go of hours that began more than two days before `nowMs`, unless they are not on disk yet. */
  forgetOld(nowMs: number): void {
    for (const startMs of this.hours.keys())
      if (startMs < hourOf(nowMs) - hoursInMemory * hourMs && !this.dirty.has(startMs)) this.hours.delete(startMs)
  }

  #changed(startMs: number): void {
    this.dirty.add(startMs)
    this.open.add(startMs)
  }

  #cell(gateway: string, atMs: number): { hour: Hour; row: number } {
    return { hour: this.hour(hourOf(atMs)), row: this.rowOfId.get(gateway) ?? this.ids.length - 1 }
  }

  #totals(gateway: string): GatewayTotals {
    return this.gateways.get(gateway) ?? unheardOf
  }

  /** Notes the number of a batch; returns whether it came before. */
  #sequence(
    { gateway, sequence, receivedAtMs, readings }: Omit<CountedRecord, 'next'>,
    { hour, row }: { hour: Hour; row: number },
  ): boolean {
    const totals = this.#totals(gateway)
    const news = noteSequence(totals.sequence, sequence, hourOf(receivedAtMs))
    this.gateways.set(gateway, { ...totals, sequence: news.sequence })
    if (news.isRepeat) add(hour.counts.duplicates, row, readings)
    const { missing } = news
    const noticedIn = missing && (missing.batches > 0 ? hour : this.hours.get(missing.hourMs))
    if (missing !== undefined && noticedIn !== undefined) {
      this.#changed(noticedIn.startMs)
      add(noticedIn.counts.missingBatches, row, missing.batches)
    }
    return news.isRepeat
  }
}
