/**
 * Points as JSON, in the form of InfluxData's corpus: each value under the name of its type; times as decimal texts,
 * whole numbers as well where a double would round them.
 */
import { z } from 'zod'
import type { FieldValue, Point } from './point.ts'

/** A point as JSON: the time as text, because nanoseconds do not fit a number. */
export function pointRecord({ timeNs, name, tags, fields }: Point) {
  return {
    time: String(timeNs),
    name,
    tags: tags.map(({ key, value }) => ({ key, value })),
    fields: fields.map(({ key, value }) => ({ key, value: valueRecord(value) })),
  }
}

function valueRecord({ type, value }: FieldValue) {
  if (type !== 'int' && type !== 'uint') return { [type]: value }
  const number = Number(value)
  return { [type]: Number.isSafeInteger(number) ? number : String(value) }
}

const Whole = z.union([z.number().int(), z.string().regex(/^-?\d{1,20}$/)]).transform(value => BigInt(value))

const Value = z.union([
  z.strictObject({ int: Whole }).transform(({ int }): FieldValue => ({ type: 'int', value: int })),
  z.strictObject({ uint: Whole }).transform(({ uint }): FieldValue => ({ type: 'uint', value: uint })),
  z.strictObject({ float: z.number() }).transform(({ float }): FieldValue => ({ type: 'float', value: float })),
  z.strictObject({ bool: z.boolean() }).transform(({ bool }): FieldValue => ({ type: 'bool', value: bool })),
  z.strictObject({ string: z.string() }).transform(({ string }): FieldValue => ({ type: 'string', value: string })),
])

const PointJson = z.object({
  time: Whole,
  name: z.string(),
  tags: z.array(z.object({ key: z.string(), value: z.string() })).default([]),
  fields: z.array(z.object({ key: z.string(), value: Value })),
})

/** The point of such a JSON. Returns a sentence when it is none. */
export function parsePointJson(json: unknown): Point | string {
  const parsed = PointJson.safeParse(json)
  if (!parsed.success) {
    const [first] = parsed.error.issues
    return `${first?.path.join('.') || 'the point'}: ${first?.message ?? 'not as expected'}`
  }
  const { time, name, tags, fields } = parsed.data
  return { timeNs: time, name, tags, fields }
}
