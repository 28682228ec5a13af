/**
 * Which servers a house uses instead of its embedded parts, and its limits, as the settings say.
 */
import type { Settings } from '@forewarn/runtime/settings'
import type { HouseOptions } from './house-options.ts'

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
>

/** The part of the house's options that names servers and limits. */
export function serversOf(
  settings: ServerSettings,
): Pick<HouseOptions, 'redisUrl' | 'postgresUrl' | 'influx' | 'retentionDays' | 'journalMaxBytes'> {
  const { influxUrl, redisUrl, postgresUrl } = settings
  return {
    redisUrl,
    postgresUrl,
    retentionDays: settings.retentionDays,
    journalMaxBytes: settings.journalMaxMb * 1e6,
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
