/**
 * The reckoning: what stands in the store against what was acknowledged.
 */
import { join } from 'node:path'
import type { District } from '@forewarn/contracts/district'
import { openEmbeddedStore } from '@forewarn/store/embedded'
import { openInfluxStore } from '@forewarn/store/influx/influx'
import type { ReadingStore, SeriesPoint } from '@forewarn/store/reading-store'
import type { Account } from './account.ts'

export interface Reckoning {
  readonly acknowledged: number
  readonly rows: number
  /** Acknowledged and not in the store. */
  readonly lost: number
  /** In the store twice for one sensor and time. */
  readonly twice: number
  /** In the store with another value than was said, or never said by anybody. */
  readonly strange: number
  /** Of clocks that were off: the same value at two times of arrival, because it was sent again unacknowledged. */
  readonly repeatedAtArrival: number
  /** A few of what is wrong, in words. */
  readonly examples: readonly string[]
}

/** Opens the store of a house that has stopped. */
export function openStoreOf({
  district: { sensors },
  dataDir,
  influxUrl,
}: {
  district: District
  dataDir: string
  influxUrl: string | undefined
}): Promise<ReadingStore> {
  if (influxUrl === undefined) return openEmbeddedStore({ dir: join(dataDir, 'store'), sensors })
  return openInfluxStore({ url: influxUrl, version: '1', database: 'chaos', sensors })
}

const everything = { fromMs: 0, toMs: 4e12 }

/** Reads every sensor of the account back. */
export async function reckon(store: ReadingStore, district: District, account: Account): Promise<Reckoning> {
  const sum = { rows: 0, lost: 0, twice: 0, strange: 0, repeatedAtArrival: 0 }
  const examples: string[] = []
  for (const [sensor, { id }] of district.sensors.entries()) {
    const values = account.values.get(id)
    if (values === undefined) continue
    const points = await store.range({ sensor, ...everything })
    const found = compare(points, {
      byTime: account.byTime.get(id) ?? new Map(),
      byValue: account.byValue.get(id) ?? new Set(),
      values,
    })
    sum.rows += points.length
    sum.lost += found.lost.length
    sum.twice += found.twice
    sum.strange += found.strange.length
    sum.repeatedAtArrival += found.repeated
    const some = [...found.strange.slice(0, 3), ...found.lost.slice(0, 3)]
    if (some.length > 0)
      examples.push(`${id}: ${found.lost.length} lost, ${found.strange.length} strange: ${some.join('; ')}`)
  }
  return { acknowledged: account.acknowledgedReadings, ...sum, examples }
}

interface Expected {
  readonly byTime: ReadonlyMap<number, number>
  readonly byValue: ReadonlySet<number>
  readonly values: ReadonlySet<number>
}

function compare(points: readonly SeriesPoint[], { byTime, byValue, values }: Expected) {
  const times = new Map(points.map(({ atMs, mean }) => [atMs, mean]))
  const there = new Set(times.values())
  const lost = [
    ...[...byTime].filter(([atMs]) => !times.has(atMs)).map(([atMs, value]) => `${value} of ${atMs} is missing`),
    ...[...byValue].filter(value => !there.has(value)).map(value => `${value} is missing`),
  ]
  const strange = [
    ...points.filter(({ mean }) => !values.has(mean)).map(({ mean }) => `${mean} was never said`),
    ...[...byTime]
      .filter(([atMs, value]) => times.has(atMs) && times.get(atMs) !== value)
      .map(([atMs, value]) => `${times.get(atMs)} instead of ${value} at ${atMs}`),
  ]
  const twice = points.length - times.size
  return { lost, strange, twice, repeated: byValue.size === 0 ? 0 : times.size - there.size }
}
