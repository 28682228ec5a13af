/**
 * What is known of one gateway beyond an hour: the numbers of its batches, what its status said last, and whether it
 * was told that more is kept than the house has. Pure.
 */
import { z } from 'zod'
import { noSequence, type Sequence } from './sequence.ts'

/** The counters of a status message that the ledger uses: they run from the first start of the outbox. */
export interface Said {
  readonly atMs: number
  readonly sentReadings?: number | undefined
  readonly droppedReadings?: number | undefined
  readonly acknowledgedReadings?: number | undefined
}

export interface GatewayTotals {
  readonly sequence: Sequence
  /** Readings kept or refused for good, repeats left out. */
  readonly kept: number
  readonly sent: number | undefined
  readonly dropped: number | undefined
  readonly acknowledged: number | undefined
  readonly saidAtMs: number | undefined
  /** The gateway's `acknowledged` less our `kept` when nothing was under way: from then on it must not grow. */
  readonly ahead: number | undefined
}

const Run = z.object({ from: z.number(), to: z.number(), hourMs: z.number() })
export const GatewayTotals = z.object({
  sequence: z
    .object({ last: z.number().optional(), missing: z.array(Run) })
    .transform(({ last, missing }) => ({ last, missing })),
  kept: z.number(),
  sent: z.number().optional().transform(orNone),
  dropped: z.number().optional().transform(orNone),
  acknowledged: z.number().optional().transform(orNone),
  saidAtMs: z.number().optional().transform(orNone),
  ahead: z.number().optional().transform(orNone),
})

/** JSON leaves out what is undefined; the type does not. */
function orNone(value: number | undefined): number | undefined {
  return value
}

export const unheardOf: GatewayTotals = {
  sequence: noSequence,
  kept: 0,
  sent: undefined,
  dropped: undefined,
  acknowledged: undefined,
  saidAtMs: undefined,
  ahead: undefined,
}

/** With so many readings more kept. */
export function noteKept(totals: GatewayTotals, readings: number): GatewayTotals {
  return { ...totals, kept: totals.kept + readings }
}

/** What a status adds to the gateway's hour: counters are compared with the status before; the first one only begins. */
export function noteSaid(before: GatewayTotals, said: Said) {
  const { sentReadings, droppedReadings, acknowledgedReadings } = said
  const countsAnew = (sentReadings ?? 0) < (before.sent ?? 0)
  const base = countsAnew ? { ...before, ahead: undefined } : before
  const isQuiet = sentReadings !== undefined && sentReadings === acknowledgedReadings
  const totals: GatewayTotals = {
    ...base,
    saidAtMs: said.atMs,
    sent: sentReadings ?? before.sent,
    dropped: droppedReadings ?? before.dropped,
    acknowledged: acknowledgedReadings ?? before.acknowledged,
    ahead: base.ahead ?? (isQuiet ? acknowledgedReadings - before.kept : undefined),
  }
  return { totals, sent: growth(before.sent, sentReadings), dropped: growth(before.dropped, droppedReadings) }
}

/** Of a counter; one that went back began anew, and counts from zero. */
function growth(before: number | undefined, now: number | undefined): number | undefined {
  if (now === undefined) return undefined
  if (before === undefined) return 0
  return now >= before ? now - before : now
}

/** Readings that the gateway was told are kept, and the house does not have; 0 or less when all is well or unknown. */
export function uplinkDifference({ ahead, acknowledged, kept }: GatewayTotals): number {
  return ahead === undefined || acknowledged === undefined ? 0 : acknowledged - kept - ahead
}
