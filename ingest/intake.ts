/**
 * The way in: one message from the broker, kept before the promise resolves. Readings go to the journal; whatever is
 * wrong goes to the quarantine with its original; nothing that is refused here is refused to the gateway, which
 * would only send it again.
 */
import type { District } from '@forewarn/contracts/district'
import type { AcceptPublish, Publish } from '@forewarn/contracts/intake'
import type { Rejection, RejectionReason } from '@forewarn/contracts/rejection'
import { parseSenml } from '@forewarn/contracts/senml'
import { parseTopic } from '@forewarn/contracts/topics'
import { encodeBatch } from '@forewarn/journal/batch-codec'
import type { ReadingJournal } from '@forewarn/journal/reading-journal'
import type { IngestCounts } from './counts.ts'
import type { Gateways } from './gateways.ts'
import { type Aside, judgePack } from './judge.ts'
import { originalOf, type Quarantine } from './quarantine.ts'
import type { RejectLog } from './reject-log.ts'
import type { SensorNames } from './sensor-names.ts'

interface IntakeParts {
  readonly district: District
  readonly journal: ReadingJournal
  readonly quarantine: Quarantine
  readonly gateways: Gateways
  readonly names: SensorNames
  readonly counts: IngestCounts
  readonly rejected: RejectLog
}

export function createIntake(parts: IntakeParts): AcceptPublish {
  const { district, gateways } = parts
  return async publish => {
    const { gateway, payload, receivedAtMs } = publish
    gateways.heard(gateway, receivedAtMs)
    const deed = deedOf(publish, district.id)
    if (deed === 'readings') return acceptReadings(publish, parts)
    if (deed === 'birth') return gateways.born(gateway, originalOf(payload), receivedAtMs)
    if (deed === 'status') return gateways.status(gateway, originalOf(payload))
    return setAside(publish, { reason: deed, detail: `nothing is taken from ${gateway} on ${publish.topic}` }, parts)
  }
}

type Deed = 'readings' | 'birth' | 'status' | 'foreign-topic' | 'unknown-topic'

function deedOf({ gateway, topic }: Publish, districtId: string): Deed {
  const address = parseTopic(topic)
  if (address === undefined) return 'unknown-topic'
  if (address.district !== districtId || address.gateway !== gateway) return 'foreign-topic'
  const { channel } = address
  if (channel === 'readings' || channel === 'birth' || channel === 'status') return channel
  // `columns` is reserved; a gateway has nothing to say on the channels that lead down to it.
  return channel === 'columns' || channel === 'progress' ? 'unknown-topic' : 'foreign-topic'
}

async function acceptReadings(publish: Publish, parts: IntakeParts): Promise<void> {
  const { journal, gateways, names, counts } = parts
  const { gateway: gatewayId, payload, receivedAtMs } = publish
  const pack = parseSenml(payload, receivedAtMs)
  if (pack === 'not-senml')
    return setAside(publish, { reason: 'not-senml', detail: 'the payload is no SenML JSON pack (RFC 8428)' }, parts)
  const arrival = { gatewayId, gateway: names.gateway(gatewayId), names, receivedAtMs }
  const { batch, asides } = judgePack(pack, arrival)
  const readings = batch.sensor.length
  const kept: Promise<unknown>[] = asides.length > 0 ? asidesByReason(publish, asides, parts) : []
  if (readings > 0) kept.push(journal.append(encodeBatch(batch)))
  await allKept(kept)
  counts.accepted(readings)
  gateways.batch(gatewayId, pack.sequence)
}

/** Waits for all, also when one failed: what was begun must not end behind the caller's back. */
async function allKept(kept: readonly Promise<unknown>[]): Promise<void> {
  if (kept.length === 1) return void (await kept[0])
  for (const outcome of await Promise.allSettled(kept)) if (outcome.status === 'rejected') throw outcome.reason
}

function asidesByReason(publish: Publish, asides: readonly Aside[], parts: IntakeParts): Promise<void>[] {
  const byReason = Map.groupBy(asides, ({ reason }) => reason)
  return [...byReason].map(([reason, group]) => keepGroup(publish, reason, group, parts))
}

async function keepGroup(
  publish: Publish,
  reason: RejectionReason,
  group: readonly Aside[],
  parts: IntakeParts,
): Promise<void> {
  const [first] = group
  const more = group.length > 1 ? ` (and ${group.length - 1} more of this message)` : ''
  const detail = `${first?.detail ?? ''}${more}`
  const original = originalOfRecords(publish.payload, group)
  await keepAside(publish, { reason, detail, original, kept: first?.kept ?? false, readings: group.length }, parts)
}

const wholeOriginalBytes = 4096

/** The whole message when it is short; else its first record, whose base fields the others need, and the bad ones. */
function originalOfRecords(payload: Uint8Array, group: readonly Aside[]): string {
  if (payload.length <= wholeOriginalBytes) return originalOf(payload)
  const entries: unknown = JSON.parse(Buffer.from(payload).toString())
  if (!Array.isArray(entries)) return originalOf(payload)
  const indices = new Set([0, ...group.map(({ index }) => index)])
  return originalOf(Buffer.from(JSON.stringify([...indices].slice(0, 100).map((index): unknown => entries[index]))))
}

function setAside(
  publish: Publish,
  { reason, detail }: { reason: RejectionReason; detail: string },
  parts: IntakeParts,
): Promise<void> {
  return keepAside(publish, { reason, detail, original: originalOf(publish.payload), kept: false, readings: 1 }, parts)
}

interface KeptAside extends Pick<Rejection, 'reason' | 'detail' | 'original' | 'kept'> {
  readonly readings: number
}

async function keepAside(
  { gateway, topic, receivedAtMs: atMs }: Publish,
  { readings, ...what }: KeptAside,
  { quarantine, counts, rejected }: IntakeParts,
): Promise<void> {
  const rejection = { ...what, atMs, gateway, topic }
  await quarantine.add(rejection, readings)
  counts.rejected(what.reason, readings)
  rejected(rejection, readings)
}
