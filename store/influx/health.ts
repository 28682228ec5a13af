/**
 * How InfluxDB is, seen from the store: does it answer, and will it take all our sensors? The default index of 1.x
 * takes 100,000 values of a tag and refuses every sensor beyond, with a 400 that no client retries.
 */
import type { Check } from '@forewarn/contracts/health'
import type { InfluxClient, InfluxSeries } from './client.ts'

/** All checks of the store. Never rejects. */
export async function influxHealth(client: InfluxClient, sensors: number): Promise<Check[]> {
  const answers = await answersCheck(client)
  if (answers.status === 'failed') return [answers]
  if (client.options.version === '1') return [answers, await indexCheck(client, sensors)]
  if (client.options.version === '3') return [answers, retentionCheck]
  return [answers]
}

async function answersCheck(client: InfluxClient): Promise<Check> {
  const { version, database, url } = client.options
  try {
    await client.influxql('SHOW MEASUREMENTS LIMIT 1')
    return { name: 'store', status: 'ok', detail: `InfluxDB ${version}.x answers for ${database}`, remedy: '' }
  } catch (error) {
    return {
      name: 'store',
      status: 'failed',
      detail: error instanceof Error ? error.message : String(error),
      remedy: `See that InfluxDB runs at ${new URL(url).origin} and takes this user or token. Readings wait in the journal.`,
    }
  }
}

const retentionCheck: Check = {
  name: 'store-retention',
  status: 'ok',
  detail: 'InfluxDB 3 deletes old readings by the retention period of its database',
  remedy: '',
}

async function indexCheck(client: InfluxClient, sensors: number): Promise<Check> {
  try {
    return indexVerdict({ sensors, ...(await indexFacts(client)) })
  } catch (error) {
    return {
      name: 'store-index',
      status: 'warning',
      detail: `the index of InfluxDB could not be looked at: ${String(error)}`,
      remedy: 'Let this user see SHOW DIAGNOSTICS, or see that influxdb.conf says index-version = "tsi1".',
    }
  }
}

export interface IndexFacts {
  readonly sensors: number
  /** `max-values-per-tag`; 0 is no limit. */
  readonly limit: number
  /** `inmem` or `tsi1`; undefined where InfluxDB does not say: before the first reading, and always in 1.6. */
  readonly index: string | undefined
  /** Series that are kept: more of them than the limit, and the index has none. */
  readonly series: number
}

/** What the index means for so many sensors. `tsi1` knows no limit; `inmem` refuses every sensor beyond it. */
export function indexVerdict({ sensors, limit, index, series }: IndexFacts): Check {
  const detail = `${sensors} sensors; index ${index ?? 'not told'}, max-values-per-tag ${limit}`
  if (limit === 0 || sensors <= limit || index === 'tsi1' || (index === undefined && series > limit)) {
    return { name: 'store-index', status: 'ok', detail, remedy: '' }
  }
  return {
    name: 'store-index',
    status: index === undefined ? 'warning' : 'failed',
    detail,
    remedy:
      'See that influxdb.conf says index-version = "tsi1" (or max-values-per-tag = 0) under [data]; if it did not, convert with influx_inspect buildtsi and restart.',
  }
}

async function indexFacts(client: InfluxClient): Promise<Omit<IndexFacts, 'sensors'>> {
  const ours = ({ tags }: InfluxSeries) => tags['database'] === client.options.database
  const shards = (await client.influxql("SHOW STATS FOR 'shard'")).filter(ours)
  const kinds = new Set(shards.map(({ tags }) => tags['indexType']))
  const databases = (await client.influxql("SHOW STATS FOR 'database'")).filter(ours)
  return {
    limit: figureIn(await client.influxql('SHOW DIAGNOSTICS'), 'max-values-per-tag'),
    // A database may have been made before the setting was changed: one shard of the old kind is enough to refuse.
    index: kinds.has('inmem') ? 'inmem' : [...kinds][0],
    series: figureIn(databases, 'numSeries'),
  }
}

/** The first number under that column name; 0 when there is none. */
function figureIn(series: readonly InfluxSeries[], name: string): number {
  for (const { columns, values } of series) {
    const figure = values[0]?.[columns.indexOf(name)]
    if (typeof figure === 'number') return figure
  }
  return 0
}
