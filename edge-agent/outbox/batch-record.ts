/**
 * How one batch lies in an outbox file: length, CRC-32, then the batch as JSON. A record that was cut off by a crash
 * is recognised by its length or its sum, and ends what can be read.
 */
import { crc32 } from 'node:zlib'
import { qualityCode, qualityOf } from '@forewarn/contracts/reading'
import type { SenmlReading } from '@forewarn/contracts/senml'
import { z } from 'zod'

/** Readings that travel as one MQTT message, under one sequence number, for as long as they are not acknowledged. */
export interface OutboxBatch {
  readonly sequence: number
  /** The source said that it had held them back (SenML extension `fwbacklog`). */
  readonly backlog: boolean
  readonly readings: readonly SenmlReading[]
}

/** More readings than this never travel in one message. */
export const batchReadings = 500

/** What a record tells of itself before its readings are looked at. */
export interface RecordHead {
  readonly sequence: number
  readonly readings: number
  /** When the batch was taken, UTC ms by the agent's clock; 0 when the record does not say. */
  readonly takenAtMs: number
  /** Where the next record begins. */
  readonly next: number
}

const headerBytes = 8

/** Longest body that is believed: a length beyond it is a torn or foreign header. */
const longestBodyBytes = 16 * 1024 * 1024

/** Name, time, value (null when missing: JSON has no NaN), then unit and quality code when there are any. */
const Row = z.tuple([z.string(), z.number(), z.number().nullable(), z.string().nullish(), z.number().nullish()])

const Body = z.object({
  s: z.number().int().nonnegative(),
  b: z.boolean(),
  a: z.number().optional(),
  r: z.array(z.unknown()),
})
const Rows = z.array(Row)

/** A batch as bytes of an outbox file. `takenAtMs`, UTC: its age is counted from there. */
export function encodeRecord({ sequence, backlog, readings }: OutboxBatch, takenAtMs: number): Buffer {
  const body = Buffer.from(JSON.stringify({ s: sequence, b: backlog, a: takenAtMs, r: readings.map(rowOf) }))
  const header = Buffer.allocUnsafe(headerBytes)
  header.writeUInt32LE(body.length, 0)
  header.writeUInt32LE(crc32(body), 4)
  return Buffer.concat([header, body])
}

function rowOf({ name, timeMs, value, unit, quality }: SenmlReading): unknown[] {
  if (quality !== undefined && quality !== 'good') return [name, timeMs, value, unit ?? null, qualityCode[quality]]
  return unit === undefined ? [name, timeMs, value] : [name, timeMs, value, unit]
}

/** The head of the record that begins at `offset`; undefined where no whole record is. */
export function readHead(bytes: Buffer, offset: number): RecordHead | undefined {
  const found = bodyAt(bytes, offset)
  if (found === undefined) return undefined
  const { s: sequence, a: takenAtMs = 0, r: rows } = found.body
  return { sequence, readings: rows.length, takenAtMs, next: found.next }
}

/**
 * Where the next record begins when the one at `offset` is damaged and a whole one stands behind it: the disk gave
 * back something else than was written. Undefined at a torn tail, behind which nothing can stand.
 */
export function afterDamage(bytes: Buffer, offset: number): number | undefined {
  if (offset + headerBytes > bytes.length) return undefined
  const next = offset + headerBytes + bytes.readUInt32LE(offset)
  return bodyAt(bytes, next) === undefined ? undefined : next
}

/** The record that begins at `offset`; undefined where no whole record is. */
export function decodeRecord(bytes: Buffer, offset: number): OutboxBatch | undefined {
  const found = bodyAt(bytes, offset)
  const rows = Rows.safeParse(found?.body.r)
  if (found === undefined || !rows.success) return undefined
  return { sequence: found.body.s, backlog: found.body.b, readings: rows.data.map(readingOf) }
}

function readingOf([name, timeMs, value, unit, quality]: z.infer<typeof Row>): SenmlReading {
  return {
    name,
    timeMs,
    value: value ?? Number.NaN,
    ...(unit == null ? {} : { unit }),
    ...(quality == null ? {} : { quality: qualityOf(quality) }),
  }
}

function bodyAt(bytes: Buffer, offset: number): { body: z.infer<typeof Body>; next: number } | undefined {
  if (offset + headerBytes > bytes.length) return undefined
  const length = bytes.readUInt32LE(offset)
  const next = offset + headerBytes + length
  if (length > longestBodyBytes || next > bytes.length) return undefined
  const body = bytes.subarray(offset + headerBytes, next)
  if (crc32(body) !== bytes.readUInt32LE(offset + 4)) return undefined
  const parsed = Body.safeParse(parseJson(body))
  return parsed.success ? { body: parsed.data, next } : undefined
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined // a hole of zeros has a right sum and is no JSON: the end of what can be read
  }
}

/**
 * A message of more than this may be more than a broker takes (ours: 256 kB), which cuts the connection: the batch
 * would come again for ever, and nothing behind it would pass.
 */
const batchBytes = 150_000

/** Cuts what waits into batches of one kind each, in order of arrival. */
export function intoBatches(taken: readonly Omit<OutboxBatch, 'sequence'>[], firstSequence: number): OutboxBatch[] {
  const batches: OutboxBatch[] = []
  for (const backlog of [false, true]) {
    const readings = taken.filter(one => one.backlog === backlog).flatMap(one => one.readings)
    for (let from = 0; from < readings.length; ) {
      const to = endOfBatch(readings, from)
      batches.push({ sequence: firstSequence + batches.length, backlog, readings: readings.slice(from, to) })
      from = to
    }
  }
  return batches
}

function endOfBatch(readings: readonly SenmlReading[], from: number): number {
  let bytes = 0
  for (let at = from; at < readings.length; at++) {
    const { name = '', unit = '' } = readings[at] ?? {}
    // Three bytes for a character (UTF-8 of Chinese), and the numbers and keys around them.
    bytes += (name.length + unit.length) * 3 + 60
    if (at > from && (at - from >= batchReadings || bytes > batchBytes)) return at
  }
  return readings.length
}
