/** What a source says when a device answered that it has no measurement: a reading of quality `missing`, never a number. */
import type { SenmlReading } from '@forewarn/contracts/senml'
import { readingOf, type SensorFields } from './profile-fields.ts'

/** The reading of a raw number, or "missing" when the number (or its absence) stands for "no measurement". */
export function readingOrMissing(field: SensorFields, raw: number | undefined, timeMs: number): SenmlReading {
  const reading = raw === undefined ? undefined : readingOf(field, raw, timeMs)
  return reading ?? { name: field.sensor, timeMs: Math.round(timeMs), value: Number.NaN, quality: 'missing' }
}
