/**
 * Letting go what waits in quarantine, as it is or put right, and throwing it away. A release goes through the same
 * formats and the same judgement as every message, under its original time of arrival, and into the journal once:
 * what is to be appended is written down first, and looked for in the journal after a crash.
 */
import type { Publish } from '@forewarn/contracts/intake'
import type {
  DiscardRequest,
  QuarantineAnswer,
  QuarantineEntry,
  QuarantineProblem,
  ReleaseRequest,
} from '@forewarn/contracts/quarantine'
import type { ReadingBatch } from '@forewarn/contracts/reading'
import { decodeBatch } from '@forewarn/journal/batch-codec'
import type { ReadingJournal } from '@forewarn/journal/reading-journal'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Heard, Said } from '../formats/format.ts'
import type { Intake } from '../intake.ts'
import type { SensorNames } from '../sensor-names.ts'
import { type BegunRelease, payloadOf, type Quarantine, type ReleasedRows } from './quarantine.ts'

export interface Releases {
  /** Rejects only when the disk or the journal does; the entry waits on then, and may be released again. */
  release(id: string, request: ReleaseRequest): Promise<QuarantineAnswer | QuarantineProblem>
  discard(id: string, request: DiscardRequest): Promise<QuarantineAnswer | QuarantineProblem>
  /** Lets go what waited for the birth message of a gateway that has come now. Returns at once. */
  born(gateway: string): void
  /** Resolves once nothing is under way. */
  idle(): Promise<void>
  /** Brings to an end what a crash interrupted. Call it before the first message is taken. */
  recover(): Promise<void>
}

export interface ReleaseParts {
  readonly quarantine: Quarantine
  readonly intake: Pick<Intake, 'judgeReleased' | 'keepReleased'>
  readonly journal: ReadingJournal
  readonly names: SensorNames
  readonly clock: Clock
  readonly log: Log
}

/** Deeds of people at single entries; two at once at one entry are not possible. */
export function createReleases(parts: ReleaseParts): Releases {
  const { quarantine, clock, log } = parts
  // Two people at one entry: the second is told so.
  const busy = new Set<string>()

  async function alone(id: string, deed: (entry: QuarantineEntry) => Promise<QuarantineAnswer | QuarantineProblem>) {
    const entry = quarantine.entry(id)
    if (entry === undefined) return problem('no-such-entry', `there is no entry ${id} in quarantine, or not any more`)
    if (busy.has(id) || entry.state !== 'waiting') return decidedAlready(entry)
    busy.add(id)
    try {
      return await deed(entry)
    } finally {
      busy.delete(id)
    }
  }

  const release = (id: string, request: ReleaseRequest) => alone(id, entry => releaseEntry(entry, request, parts))

  // What was acknowledged and could not be read then can be read now: nobody has to do it by hand.
  async function releaseUnread(gateway: string) {
    for (const id of quarantine.waiting({ gateway, reason: 'unknown-birth' }))
      await release(id, { by: 'the birth message of its gateway', encoding: 'text' })
  }
  let running = Promise.resolve()

  return {
    born(gateway) {
      running = running
        .then(() => releaseUnread(gateway))
        .catch((cause: unknown) => log.error('quarantine-not-released', { gateway, reason: String(cause) }))
    },
    idle: () => running,
    release,
    discard: (id, { by, note }) =>
      alone(id, async () => {
        await quarantine.decide(id, { by, ...(note !== undefined && { note }), atMs: clock.nowMs(), as: 'discarded' })
        log.info('quarantine-discarded', { id, by })
        return { id, state: 'discarded', readings: 0 }
      }),
    async recover() {
      for (const begun of quarantine.begun()) await finishInterrupted(begun, parts)
    },
  }
}

async function releaseEntry(
  entry: QuarantineEntry,
  request: ReleaseRequest,
  parts: ReleaseParts,
): Promise<QuarantineAnswer | QuarantineProblem> {
  const { quarantine, intake, journal, names, clock } = parts
  const { id, atMs, gateway } = entry
  if (entry.kept) return problem('decided-already', `the readings of entry ${id} count already`)
  const said = intake.judgeReleased(publishOf(entry, request), {
    records: request.payload === undefined && entry.records !== undefined ? new Set(entry.records) : undefined,
    rename: new Map(Object.entries(request.rename ?? {})),
  })
  const refusal = whyRefused(said)
  if (refusal !== undefined) return problem('refused-again', refusal)
  if (said.kind === 'refused') throw new Error('a refusal without a reason')
  if (said.kind === 'heard') return await decideHeard(entry, request, { said, parts })
  const begun: BegunRelease = {
    begun: id,
    by: request.by,
    ...(request.note !== undefined && { note: request.note }),
    atMs: clock.nowMs(),
    fromOffset: earliestOffset(id, parts) ?? journal.figures().endOffset,
    rows: rowsOf(said.batch, { gateway, receivedAtMs: atMs, names }),
  }
  const hadBegun = quarantine.begun().some(one => one.begun === id)
  await quarantine.begin(begun)
  if (hadBegun) await finishInterrupted(begun, parts)
  else await finish(begun, said.batch, parts)
  return { id, state: 'released', readings: said.batch.sensor.length }
}

/** Where the first try began, when an earlier one failed half-way: it may have left something in the journal. */
function earliestOffset(id: string, { quarantine }: ReleaseParts): number | undefined {
  return quarantine.begun().find(({ begun }) => begun === id)?.fromOffset
}

function publishOf(entry: QuarantineEntry, { payload, encoding, topic }: ReleaseRequest): Publish {
  return {
    gateway: entry.gateway,
    topic: topic ?? entry.topic,
    payload: payload === undefined ? payloadOf(entry) : payloadOf({ original: payload, encoding }),
    receivedAtMs: entry.atMs,
  }
}

/** A sentence when it would be refused again, in whole or in part. */
function whyRefused(said: Said): string | undefined {
  if (said.kind === 'refused') return `${said.reason}: ${said.detail}`
  if (said.kind !== 'readings') return undefined
  const refused = said.asides.filter(({ kept }) => !kept)
  const [first] = refused
  if (first !== undefined) {
    const more = refused.length > 1 ? ` (and ${refused.length - 1} more)` : ''
    return `${first.reason}: ${first.detail}${more}`
  }
  return said.batch.sensor.length === 0 ? 'there are no readings in it' : undefined
}

/** A birth or a status that was put right: what it says is known now, and no reading comes of it. */
async function decideHeard(
  { id }: QuarantineEntry,
  { by, note }: ReleaseRequest,
  { said, parts }: { said: Heard; parts: ReleaseParts },
): Promise<QuarantineAnswer> {
  await said.kept
  const atMs = parts.clock.nowMs()
  await parts.quarantine.decide(id, { by, ...(note !== undefined && { note }), atMs, as: 'released', readings: 0 })
  return { id, state: 'released', readings: 0 }
}

async function finish(begun: BegunRelease, batch: ReadingBatch, parts: ReleaseParts): Promise<void> {
  await parts.intake.keepReleased(begun.rows.gateway, batch)
  await decideReleased(begun, parts)
}

async function decideReleased({ begun: id, by, atMs, note, rows }: BegunRelease, { quarantine, log }: ReleaseParts) {
  const readings = rows.sensor.length
  await quarantine.decide(id, { by, atMs, as: 'released', readings, ...(note !== undefined && { note }) })
  log.info('quarantine-released', { id, by, gateway: rows.gateway, readings })
}

/** Appended before the crash or not: the journal knows. */
async function finishInterrupted(begun: BegunRelease, parts: ReleaseParts): Promise<void> {
  const batch = batchOf(begun.rows, parts.names)
  if (batch === undefined) {
    // Its sensors are not this gateway's any more: a person must decide again.
    parts.log.error('quarantine-release-not-finished', { id: begun.begun, gateway: begun.rows.gateway })
    return
  }
  if (await isInJournal(batch, begun.fromOffset, parts.journal)) await decideReleased(begun, parts)
  else await finish(begun, batch, parts)
}

async function isInJournal(batch: ReadingBatch, from: number, journal: ReadingJournal): Promise<boolean> {
  for await (const { record } of journal.read({ from, follow: false })) {
    const found = decodedOrNone(record)
    if (found !== undefined && isSame(found, batch)) return true
  }
  return false
}

function decodedOrNone(record: Uint8Array): ReadingBatch | undefined {
  try {
    return decodeBatch(record)
  } catch {
    return undefined // no batch: the writer sets such records aside and says so
  }
}

function isSame(a: ReadingBatch, b: ReadingBatch): boolean {
  const isLike = (column: 'sensor' | 'measuredAtMs' | 'value' | 'quality') =>
    a[column].length === b[column].length && a[column].every((cell, row) => Object.is(cell, b[column][row]))
  return (
    a.gateway === b.gateway &&
    a.receivedAtMs === b.receivedAtMs &&
    (['sensor', 'measuredAtMs', 'value', 'quality'] as const).every(isLike)
  )
}

function rowsOf(
  { sequence, sensor, measuredAtMs, value, quality }: ReadingBatch,
  { gateway, receivedAtMs, names }: { gateway: string; receivedAtMs: number; names: SensorNames },
): ReleasedRows {
  return {
    gateway,
    receivedAtMs,
    sequence,
    sensor: Array.from(sensor, names.idOf),
    measuredAtMs: [...measuredAtMs],
    value: Array.from(value, one => (Number.isFinite(one) ? one : null)),
    quality: [...quality],
  }
}

function batchOf(rows: ReleasedRows, names: SensorNames): ReadingBatch | undefined {
  const gateway = names.gateway(rows.gateway)
  const sensor = rows.sensor.map(id => gateway?.sensors.get(id) ?? -1)
  if (gateway === undefined || sensor.includes(-1)) return undefined
  return {
    gateway: gateway.index,
    receivedAtMs: rows.receivedAtMs,
    sequence: rows.sequence,
    sensor: Uint32Array.from(sensor),
    measuredAtMs: Float64Array.from(rows.measuredAtMs),
    value: Float64Array.from(rows.value, one => one ?? Number.NaN),
    quality: Uint8Array.from(rows.quality),
  }
}

const statusOf = { 'no-such-entry': 404, 'decided-already': 409, 'refused-again': 422, 'bad-request': 400 } as const

/** An answer in problem+json (RFC 9457). */
export function problem(code: QuarantineProblem['code'], title: string): QuarantineProblem {
  return { title, status: statusOf[code], code }
}

function decidedAlready({ id, decision }: QuarantineEntry): QuarantineProblem {
  const who = decision === undefined ? 'somebody is at it' : `${decision.by} has ${decision.as} it`
  return problem('decided-already', `entry ${id} is decided already: ${who}`)
}
