/**
 * Telegraf and everything else that sends InfluxDB's line protocol on `telegraf/#`: many lines in a message, times in
 * nanoseconds. A line that is wrong does not take the others with it.
 */
import { parseLines } from '@forewarn/protocols/line-protocol/parse'
import type { Point } from '@forewarn/protocols/line-protocol/point'
import type { DeviceValue, TakeValues } from './device-values.ts'
import { type Format, heard, refused } from './format.ts'

/** Line protocol; a line without a time was measured when it came. */
export function telegrafFormat({ take }: { take: TakeValues }): Format {
  return ({ payload, receivedAtMs }, arrival) => {
    if (payload.length === 0) return heard
    const { points, faults } = readLines(Buffer.from(payload).toString(), BigInt(Math.round(receivedAtMs)) * 1_000_000n)
    if (points.length === 0) return refused('bad-payload', faults[0] ?? 'no line of line protocol')
    return take({ values: points.flatMap(valuesOf), faults }, arrival)
  }
}

function readLines(text: string, defaultTimeNs: bigint): { points: Point[]; faults: string[] } {
  const all = parseLines(text, { defaultTimeNs })
  if (typeof all !== 'string') return { points: all, faults: [] }
  const points: Point[] = []
  const faults: string[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const read = parseLines(line, { defaultTimeNs })
    if (typeof read === 'string') faults.push(`line ${index + 1}: ${read}`)
    else points.push(...read)
  }
  return { points, faults }
}

/** Tags by which people name the thing that measures. */
const naming: ReadonlySet<string> = new Set(['sensor', 'device', 'id', 'name', 'host'])

function valuesOf({ name, tags, fields, timeNs }: Point): DeviceValue[] {
  const series = tags.length === 0 ? name : `${name},${tags.map(({ key, value }) => `${key}=${value}`).join(',')}`
  const things = tags.filter(({ key }) => naming.has(key)).map(({ value }) => value)
  return fields.map(({ key, value: { value } }) => ({
    names: [
      ...(key === 'value' ? things : []),
      ...things.map(thing => `${thing}.${key}`),
      `${name}.${key}`,
      `telegraf/${series}#${key}`,
    ],
    value,
    timeMs: Number(timeNs / 1_000_000n),
  }))
}
