/**
 * How many readings of each gateway and hour of arrival the rules have judged: their column in the house's ledger.
 * It is kept in the same file as the state it belongs to, so that a crash can neither lose nor double a count.
 */
import type { EvaluatedTally } from '@forewarn/contracts/ledger'
import type { KeptBatch } from '@forewarn/journal/reading-journal'
import { z } from 'zod'

const hourMs = 3_600_000
/** What lies further back is in the ledger by then. */
const hoursAtMost = 48

const KeptTally = z.object({
  from: z.number(),
  firstHourMs: z.number().nullable(),
  gatewayIds: z.array(z.string()),
  hours: z.array(
    z.object({
      hourMs: z.number(),
      changedAt: z.number(),
      readings: z.custom<Uint32Array>(value => value instanceof Uint32Array),
    }),
  ),
})
/** As it lies in the snapshot. */
export type KeptTally = z.infer<typeof KeptTally>

interface CountedHour {
  /** Offset behind the last record counted in it. */
  changedAt: number
  /** By gateway; the last is for those that have left the registry. */
  readonly readings: Uint32Array
}

export class Evaluated {
  readonly #gatewayIds: readonly string[]
  readonly #rowOfId: ReadonlyMap<string, number>
  readonly #hours = new Map<number, CountedHour>()
  #from: number
  #position: number
  #firstHourMs: number | null = null

  /** Begins to count at an offset of the journal, or goes on from what was kept for it. */
  constructor({ gatewayIds, at, kept }: { gatewayIds: readonly string[]; at: number; kept: unknown }) {
    this.#gatewayIds = gatewayIds
    this.#rowOfId = new Map(gatewayIds.map((id, row) => [id, row]))
    this.#from = at
    this.#position = at
    const before = KeptTally.safeParse(kept)
    if (before.success) this.#goOn(before.data)
  }

  /** The engine has judged this record, or passed over it (`judged` false). */
  take({ next, batch, origin }: Pick<KeptBatch, 'next' | 'batch' | 'origin'>, judged: boolean): void {
    this.#position = next
    if (batch === undefined) return
    const startMs = Math.floor(batch.receivedAtMs / hourMs) * hourMs
    this.#firstHourMs ??= startMs
    if (!judged) return
    const hour = this.#hour(startMs)
    const row = origin === undefined ? batch.gateway : this.#rowOf(origin.gateway)
    hour.readings[row] = (hour.readings[row] ?? 0) + (origin?.readings ?? batch.sensor.length)
    hour.changedAt = next
  }

  /** What has changed behind `since`; everything when that lies ahead: somebody saw a later state than this. */
  tally(since: number): EvaluatedTally {
    const changed = [...this.#hours].filter(([, { changedAt }]) => since > this.#position || changedAt > since)
    const hours = changed.map(([startMs, { readings }]) => {
      const known = this.#gatewayIds.flatMap((id, row) => ((readings[row] ?? 0) > 0 ? [[id, readings[row] ?? 0]] : []))
      return { hourMs: startMs, readings: z.record(z.string(), z.number()).parse(Object.fromEntries(known)) }
    })
    return { from: this.#from, firstHourMs: this.#firstHourMs, position: this.#position, hours }
  }

  /** For the snapshot, which is turned into bytes at once. */
  kept(): KeptTally {
    const hours = [...this.#hours].map(([startMs, { changedAt, readings }]) => ({
      hourMs: startMs,
      changedAt,
      readings,
    }))
    return { from: this.#from, firstHourMs: this.#firstHourMs, gatewayIds: [...this.#gatewayIds], hours }
  }

  #goOn({ from, firstHourMs, gatewayIds, hours }: KeptTally): void {
    this.#from = from
    this.#firstHourMs = firstHourMs
    for (const { hourMs: startMs, changedAt, readings } of hours) {
      const hour = this.#hour(startMs)
      hour.changedAt = changedAt
      for (const [row, count] of readings.entries()) {
        const now = this.#rowOf(gatewayIds[row])
        hour.readings[now] = (hour.readings[now] ?? 0) + count
      }
    }
  }

  #rowOf(id: string | undefined): number {
    return (id === undefined ? undefined : this.#rowOfId.get(id)) ?? this.#gatewayIds.length
  }

  #hour(startMs: number): CountedHour {
    let hour = this.#hours.get(startMs)
    if (hour !== undefined) return hour
    hour = { changedAt: 0, readings: new Uint32Array(this.#gatewayIds.length + 1) }
    this.#hours.set(startMs, hour)
    if (this.#hours.size > hoursAtMost) this.#hours.delete(Math.min(...this.#hours.keys()))
    return hour
  }
}
