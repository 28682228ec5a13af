/**
 * How one batch lies in an outbox file: length, CRC-32, then the batch as JSON. A record that was cut off by a crash
 * is recognised by its length or its sum, and ends what can be read.
 */
import { crc32 } from 'node:zlib'
import type { SenmlReading } from '@forewarn/contracts/senml'
import { z } from 'zod'

/** Readings that travel as one MQTT message, under one sequence number, for as long as they are not acknowledged. */
export interface OutboxBatch {
  readonly sequence: number
  /** The source said that it had held them back (SenML extension `fwbacklog`). */
  readonly backlog: boolean
  readonly readings: readonly SenmlReading[]
}

export const headerBytes = 8

/** Longest body that is believed: a length beyond it is a torn or foreign header. */
const longestBodyBytes = 16 * 1024 * 1024

const Body = z.object({
  s: z.number().int().nonnegative(),
  b: z.boolean(),
  r: z.array(
    z.tuple([z.string(), z.number(), z.number()]).or(z.tuple([z.string(), z.number(), z.number(), z.string()])),
  ),
})

/** A batch as bytes of an outbox file. */
export function encodeRecord({ sequence, backlog, readings }: OutboxBatch): Buffer {
  const rows = readings.map(({ name, timeMs, value, unit }) =>
    unit === undefined ? [name, timeMs, value] : [name, timeMs, value, unit],
  )
  const body = Buffer.from(JSON.stringify({ s: sequence, b: backlog, r: rows }))
  const header = Buffer.allocUnsafe(headerBytes)
  header.writeUInt32LE(body.length, 0)
  header.writeUInt32LE(crc32(body), 4)
  return Buffer.concat([header, body])
}

/** The record that begins at `offset`, and where the next one begins; undefined where no whole record is. */
export function decodeRecord(bytes: Buffer, offset: number): { batch: OutboxBatch; next: number } | undefined {
  if (offset + headerBytes > bytes.length) return undefined
  const length = bytes.readUInt32LE(offset)
  const next = offset + headerBytes + length
  if (length > longestBodyBytes || next > bytes.length) return undefined
  const body = bytes.subarray(offset + headerBytes, next)
  if (crc32(body) !== bytes.readUInt32LE(offset + 4)) return undefined
  const parsed = Body.safeParse(JSON.parse(body.toString()))
  if (!parsed.success) return undefined
  const { s: sequence, b: backlog, r: rows } = parsed.data
  const readings = rows.map(([name, timeMs, value, unit]) => ({ name, timeMs, value, unit }))
  return { batch: { sequence, backlog, readings }, next }
}
