/**
 * The way in: one message from the broker, kept before the promise resolves. Readings go to the journal; whatever is
 * wrong goes to the quarantine with its original; nothing that is refused here is refused to the gateway, which
 * would only send it again.
 */
import type { AcceptPublish, Publish } from '@forewarn/contracts/intake'
import type { ReadingBatch } from '@forewarn/contracts/reading'
import type { RejectionReason } from '@forewarn/contracts/rejection'
import { encodeBatch } from '@forewarn/journal/batch-codec'
import type { ReadingJournal } from '@forewarn/journal/reading-journal'
import type { Log } from '@forewarn/runtime/log'
import { type Clocks, createClocks } from './clocks.ts'
import type { IngestCounts } from './counts.ts'
import { type Format, type Readings, type Refused, refused, type Said } from './formats/format.ts'
import type { Gateways } from './gateways/gateways.ts'
import type { Arrival, Aside, Release } from './judge.ts'
import type { Quarantine, QuarantineLine } from './quarantine/quarantine.ts'
import type { RejectLog } from './quarantine/reject-log.ts'
import type { SensorNames } from './sensor-names.ts'

export interface IntakeParts {
  readonly formatOf: (publish: Publish) => Format | Refused
  readonly journal: ReadingJournal
  readonly quarantine: Quarantine
  readonly gateways: Gateways
  readonly names: SensorNames
  readonly clocks: Clocks
  readonly counts: IngestCounts
  readonly rejected: RejectLog
  readonly ledger?: IntakeLedger
  readonly log: Log
}

/** Who counts what came and what became of it. */
export interface IntakeLedger {
  acknowledged(gateway: string, atMs: number, readings: number): void
  rejected(rejection: QuarantineLine): void
  /** A batch with a number and without any reading that was kept. */
  cameEmpty(gateway: string, sequence: number, atMs: number): void
}

export interface Intake {
  readonly accept: AcceptPublish
  /** What a message comes to when a person lets it go, without keeping anything. */
  judgeReleased(publish: Publish, release: Release): Said
  /** Puts the readings of a release into the journal; resolves once they are on disk. */
  keepReleased(gatewayId: string, batch: ReadingBatch): Promise<void>
}

/** Takes messages one by one; each promise is the acknowledgement of its message. */
export function createIntake(parts: IntakeParts): Intake {
  const keep = createKeeper(parts)
  return {
    accept(publish) {
      parts.gateways.heard(publish.gateway, publish.receivedAtMs)
      const said = understood(publish, parts)
      if (said.kind === 'readings') return keep.readings(publish, said)
      if (said.kind === 'refused') return keep.refusal(publish, said)
      return said.kept ?? Promise.resolve()
    },
    judgeReleased: (publish, release) => understood(publish, parts, release),
    async keepReleased(gatewayId, batch) {
      await parts.journal.append(encodeBatch(batch))
      parts.counts.accepted(batch.sensor.length)
      parts.ledger?.acknowledged(gatewayId, batch.receivedAtMs, batch.sensor.length)
    },
  }
}

function understood(
  publish: Publish,
  { formatOf, names, clocks, gateways, log }: IntakeParts,
  release?: Release,
): Said {
  const { gateway: gatewayId, receivedAtMs } = publish
  const arrival: Arrival = {
    gatewayId,
    gateway: names.gateway(gatewayId),
    names,
    receivedAtMs,
    // What a person lets go was measured long ago, and says nothing about a clock now.
    clocks: release === undefined ? clocks : createClocks(),
    clockOffsetMs: gateways.clockOffsetMs(gatewayId),
    release,
  }
  const format = formatOf(publish)
  if (typeof format !== 'function') return format
  try {
    const said = format(publish, arrival)
    return withClocksKept(said, clocks)
  } catch (cause) {
    // Refusing the PUBACK would bring the same bytes back for ever: a person must see them.
    log.error('format-failed', { gateway: gatewayId, topic: publish.topic, reason: String(cause) })
    return refused('bad-payload', `reading it failed: ${String(cause)}`)
  }
}

/** What a message taught about its clock must be kept with its readings. */
function withClocksKept(said: Said, clocks: Clocks): Said {
  const clocksKept = said.kind === 'readings' ? clocks.kept() : undefined
  if (clocksKept === undefined || said.kind !== 'readings') return said
  return { ...said, kept: said.kept === undefined ? clocksKept : Promise.all([said.kept, clocksKept]).then(() => {}) }
}

interface Keeper {
  readings(publish: Publish, said: Readings): Promise<void>
  refusal(publish: Publish, refusal: Refused): Promise<void>
}

/** Where it is kept: the journal, the quarantine, the counters. */
function createKeeper(parts: IntakeParts): Keeper {
  const { journal, gateways, counts, ledger } = parts
  const aside = createAsides(parts)
  /** Waits for all, also when one failed: what was begun must not end behind the caller's back. */
  const allKept = async (publish: Publish, said: Readings): Promise<void> => {
    const kept: Promise<unknown>[] = aside.byReason(publish, said)
    if (said.batch.sensor.length > 0) kept.push(journal.appendBatch(said.batch))
    if (said.kept !== undefined) kept.push(said.kept)
    for (const outcome of await Promise.allSettled(kept)) if (outcome.status === 'rejected') throw outcome.reason
  }
  return {
    async readings(publish, said) {
      const { batch, asides } = said
      const { gateway, receivedAtMs } = publish
      const readings = batch.sensor.length
      if (asides.length === 0 && said.kept === undefined && readings > 0) await journal.appendBatch(batch)
      else await allKept(publish, said)
      if (readings > 0) counts.accepted(readings)
      ledger?.acknowledged(gateway, receivedAtMs, readings + refusedIn(asides))
      if (readings === 0) ledger?.cameEmpty(gateway, batch.sequence, receivedAtMs)
      gateways.batch(gateway, batch.sequence)
    },
    async refusal(publish, { reason, detail, readings = 1, sequence = -1 }) {
      const { gateway, payload, receivedAtMs } = publish
      await aside.keep(publish, { reason, detail, payload, kept: false, readings })
      ledger?.acknowledged(gateway, receivedAtMs, readings)
      if (sequence < 0) return
      ledger?.cameEmpty(gateway, sequence, receivedAtMs)
      gateways.batch(gateway, sequence)
    },
  }
}

function refusedIn(asides: readonly Aside[]): number {
  let refusals = 0
  for (const { kept, readings = 1 } of asides) if (!kept) refusals += readings
  return refusals
}

interface KeptAside {
  readonly reason: RejectionReason
  readonly detail: string
  readonly payload: Uint8Array
  readonly kept: boolean
  readonly readings: number
  /** Places of the records that are meant; undefined for all. */
  readonly records?: readonly number[]
}

const wholeOriginalBytes = 4096

function createAsides({ quarantine, counts, rejected, ledger }: IntakeParts) {
  const repeats = keptRepeats()

  async function keep(
    { gateway, topic, receivedAtMs: atMs }: Publish,
    { readings, payload, records, ...what }: KeptAside,
  ) {
    const number = await quarantine.add({ ...what, atMs, gateway, topic, payload, records }, readings)
    ledger?.rejected({ number, gateway, atMs, reason: what.reason, readings, kept: what.kept })
    counts.rejected(what.reason, readings)
    rejected({ ...what, atMs, gateway, topic, original: '' }, readings)
  }

  function keepGroup(publish: Publish, group: readonly Aside[], said: Readings): Promise<void>[] {
    const [first] = group
    if (first === undefined) return []
    const readings = group.reduce((sum, one) => sum + (one.readings ?? 1), 0)
    const due = first.kept ? repeats.due(publish, readings) : readings
    if (due === 0) return []
    const more = readings > 1 ? ` (and ${readings - 1} more of this message)` : ''
    const records = group.map(({ index }) => index)
    const payload = partOf(publish.payload, records, said)
    const { reason, kept } = first
    return [keep(publish, { reason, kept, detail: `${first.detail}${more}`, payload, records, readings: due })]
  }

  return {
    keep,
    byReason(publish: Publish, said: Readings): Promise<void>[] {
      const byReason = Map.groupBy(said.asides, ({ reason }) => reason)
      return [...byReason.values()].flatMap(group => keepGroup(publish, group, said))
    },
  }
}

/** The whole message when it is short; else what its format makes of these records alone. */
function partOf(payload: Uint8Array, records: readonly number[], { excerpt }: Readings): Uint8Array {
  return payload.length <= wholeOriginalBytes || excerpt === undefined ? payload : excerpt(new Set(records))
}

const repeatsAtOnce = 3
const repeatsEveryMs = 3_600_000

/**
 * Readings that count and are only remarked on (a wrong clock) come with every message of a gateway. The first
 * three messages are kept as they are, then one an hour with how many readings it stands for: otherwise they would
 * push out of the quarantine what waits there for a person.
 */
function keptRepeats() {
  const seen = new Map<string, { times: number; saidAtMs: number; unsaid: number }>()
  return {
    /** How many readings the entry to write now stands for; 0 when none is due. */
    due({ gateway, receivedAtMs }: Publish, readings: number): number {
      const last = seen.get(gateway) ?? { times: 0, saidAtMs: Number.NEGATIVE_INFINITY, unsaid: 0 }
      // A day without is another story.
      if (receivedAtMs - last.saidAtMs > 24 * repeatsEveryMs) last.times = 0
      seen.set(gateway, last)
      last.unsaid += readings
      if (++last.times > repeatsAtOnce && receivedAtMs - last.saidAtMs < repeatsEveryMs) return 0
      const due = last.unsaid
      last.saidAtMs = receivedAtMs
      last.unsaid = 0
      return due
    },
  }
}
