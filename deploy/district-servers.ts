/**
 * Which servers a house uses instead of its embedded parts, and its limits, as the settings say.
 */
import type { Settings } from '@forewarn/runtime/settings'
import type { HouseOptions } from './house-options.ts'
import { StartError } from './start-error.ts'

export type ServerSettings = Pick<
  Settings,
  | 'influxUrl'
  | 'influxVersion'
  | 'influxDatabase'
  | 'influxOrg'
  | 'influxToken'
  | 'influxUser'
  | 'influxPassword'
  | 'redisUrl'
  | 'postgresUrl'
  | 'retentionDays'
  | 'journalMaxMb'
  | 'journal'
>

/** The part of the house's options that names servers and limits. */
export function serversOf(
  settings: ServerSettings,
): Pick<HouseOptions, 'redisUrl' | 'postgresUrl' | 'influx' | 'retentionDays' | 'journalMaxBytes' | 'journalRedisUrl'> {
  const { influxUrl, redisUrl, postgresUrl } = settings
  if (settings.journal === 'redis' && redisUrl === undefined)
    throw new StartError('bad-settings', 'the journal is to be in Redis, and no Redis is named: set FOREWARN_REDIS_URL')
  return {
    redisUrl,
    postgresUrl,
    retentionDays: settings.retentionDays,
    journalMaxBytes: settings.journalMaxMb * 1e6,
    journalRedisUrl: settings.journal === 'redis' ? redisUrl : undefined,
    influx:
      influxUrl === undefined
        ? undefined
        : {
            url: influxUrl,
            version: settings.influxVersion,
            database: settings.influxDatabase,
            org: settings.influxOrg,
            ...(settings.influxToken === undefined ? {} : { token: settings.influxToken }),
            ...(settings.influxUser === undefined ? {} : { user: settings.influxUser }),
            ...(settings.influxPassword === undefined ? {} : { password: settings.influxPassword }),
          },
  }
}
