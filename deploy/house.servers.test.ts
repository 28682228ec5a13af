import { Score } from '@forewarn/contracts/alerts-api'
import { installed, startPostgres, startRedis } from '@forewarn/runtime/test-servers'
import { readRecording } from '@forewarn/simulators/recording'
import { influxdIsInstalled, startInfluxServer } from '@forewarn/store/influx/server'
import { expect, test, vi } from 'vitest'
import { plainDrillSettings } from './drill-settings.ts'
import { startDrill } from './play.ts'

vi.setConfig({ testTimeout: 120_000 })

const redis = installed('redis-server')
const postgres = installed('postgres')
const areHere = redis !== undefined && postgres !== undefined && influxdIsInstalled()

test.skipIf(!areHere)(
  'on Redis, PostgreSQL and InfluxDB the same settings carry the same storm to a truck',
  async () => {
    await using servers = await startServers()
    const whole = await readRecording('flat5p-d-056')
    const endMs = whole.startMs + 60 * 60_000
    const messages = whole.messages.filter(({ arrivesAtMs }) => arrivesAtMs <= endMs)
    await using drill = await startDrill({
      recording: { ...whole, endMs, messages },
      fromMs: whole.startMs + 36 * 60_000,
      speed: 240,
      settings: { ...plainDrillSettings(), ...servers.settings },
    })
    await drill.played
    await vi.waitFor(async () => expect(await drill.house.store.count()).toBe(messages.length), { timeout: 30_000 })
    await vi.waitFor(
      async () => {
        const { warnings } = await drill.alerts.snapshot()
        expect(warnings.some(({ orders }) => orders.some(({ state }) => state !== 'proposed'))).toBe(true)
      },
      { timeout: 30_000 },
    )
    expect(Score.safeParse(await drill.alerts.score()).success).toBe(true)
  },
)

async function startServers() {
  const started = await Promise.all([
    startRedis(redis ?? '', ['--appendonly', 'yes', '--appendfsync', 'always']),
    startPostgres(postgres ?? ''),
    startInfluxServer({ index: 'tsi1' }),
  ])
  const [queue, database, influx] = started
  return {
    settings: {
      redisUrl: queue.url,
      journal: 'redis' as const,
      postgresUrl: database.url,
      influxUrl: influx.url,
      influxVersion: '1' as const,
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([queue.stop(), database.stop(), influx.stop()])
    },
  }
}
