/**
 * Fields that profiles of several kinds share, and the arithmetic behind them: raw number in, reading out.
 */
import { Id } from '@forewarn/contracts/district'
import { Quantity } from '@forewarn/contracts/quantity'
import type { SenmlReading } from '@forewarn/contracts/senml'
import { z } from 'zod'

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500 ms`, `30 s`, `5 min`, `1 h`; becomes milliseconds of the house's time. */
export const Duration = z.string().transform((text, context) => {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)$/.exec(text.trim()) ?? []
  const ms = Number(amount) * (unitMs[unit ?? ''] ?? Number.NaN)
  if (ms > 0) return ms
  context.addIssue({ code: 'custom', message: `"${text}" is no duration; write 30 s, 5 min or 1 h`, input: text })
  return z.NEVER
})

/** Spread into every profile. `place` and `note` are for people. */
export const profileFields = {
  gateway: Id,
  place: z.string().optional(),
  note: z.string().optional(),
}

/** Where a server of this agent listens. Only this machine can reach it unless `host` says otherwise. */
export const Listen = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: z.number().int().min(0).max(65_535),
})

/** Spread into every sensor of a profile, beside what says where its raw number is found. */
export const sensorFields = {
  /** The id that the house knows it by. */
  sensor: Id,
  /** Reading = raw × scale + offset, in the unit of the sensor's quantity. */
  scale: z.number().default(1),
  offset: z.number().default(0),
  /** UCUM, passed on with each reading, so that a wrong one is caught where the registry is. */
  unit: z.string().optional(),
  /** Raw numbers that mean "no measurement": -1, 65535. They never become a reading. */
  never: z.array(z.number()).default([]),
  quantity: Quantity.optional(),
  place: z.string().optional(),
  note: z.string().optional(),
}

export interface SensorFields {
  readonly sensor: string
  readonly scale: number
  readonly offset: number
  readonly unit?: string | undefined
  readonly never: readonly number[]
}

/** A reading from a raw number; undefined when the number stands for "no measurement" or is not finite. */
export function readingOf(field: SensorFields, raw: number, timeMs: number): SenmlReading | undefined {
  if (!Number.isFinite(raw) || field.never.includes(raw)) return undefined
  // 86 × 0.1 is 8.600000000000001 in binary: no instrument has more than 12 digits.
  const value = Number((raw * field.scale + field.offset).toPrecision(12))
  return {
    name: field.sensor,
    timeMs: Math.round(timeMs),
    value,
    ...(field.unit === undefined ? {} : { unit: field.unit }),
  }
}
