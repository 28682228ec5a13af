import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EpisodeEvent, episodesQueue } from '@forewarn/contracts/episode'
import { ProcessHealth } from '@forewarn/contracts/health'
import { PlaceCondition, PlaceForecast } from '@forewarn/contracts/rules-api'
import { encodeBatch } from '@forewarn/journal/batch-codec'
import { openReadingJournal } from '@forewarn/journal/reading-journal'
import { handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { openWorker } from '@forewarn/runtime/queue'
import { startTestPostgres } from '@forewarn/runtime/test-postgres'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { startRules } from './start.ts'
import { startMs, stormBatches, testDistrict } from './test-district.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const innerToken = 'a-token-for-this-test'

async function startAll(dir: string, databaseUrl: string) {
  const clock = handClock(startMs)
  const journal = await openReadingJournal({
    dir: join(dir, 'journal'),
    registry: testDistrict,
    nowMs: () => clock.nowMs(),
  })
  const rules = await startRules({
    district: testDistrict,
    journal,
    rules: here('catalogue'),
    models: here('models/rain-to-depth.json'),
    stateDir: join(dir, 'rules'),
    queue: { kind: 'postgres', url: databaseUrl },
    clock,
    log: silentLog(),
    metrics: createMetrics(),
    mode: 'exercise',
    innerToken,
  })
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(rules.url + path, { headers: { authorization: `Bearer ${innerToken}` } })
    return answer.json()
  }
  const stop = async () => {
    await rules.stop()
    await journal.close()
  }
  return { journal, ask, stop }
}

test('readings in the journal become jobs in the queue, once, also over a restart', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'forewarn-rules-start-'))
  await using postgres = await startTestPostgres()
  const heard: EpisodeEvent[] = []
  let onHeard = () => {}
  const worker = await openWorker({
    name: episodesQueue,
    backend: { kind: 'postgres', url: postgres.url },
    async perform({ data }) {
      heard.push(EpisodeEvent.parse(data))
      onHeard()
    },
  })
  const until = (isThere: () => boolean) =>
    new Promise<void>(resolve => {
      onHeard = () => isThere() && resolve()
      onHeard()
    })
  const storm = stormBatches()
  const first = await startAll(dir, postgres.url)
  // The last minutes before the flood, up to its peak: the forecast warns, then the road is seen to flood.
  await Promise.all(storm.slice(0, 140).map(batch => first.journal.append(encodeBatch(batch))))
  await until(() => heard.some(event => event.kind === 'verified'))
  const forecast = PlaceForecast.parse(await first.ask('/forecasts/steep-01'))
  expect(forecast.forecast?.leadMin).toHaveLength(25)
  const conditions = z.array(PlaceCondition).parse(await first.ask('/conditions'))
  expect(conditions).toContainEqual(expect.objectContaining({ placeId: 'steep-01', condition: 'orange' }))
  const health = ProcessHealth.parse(await first.ask('/health'))
  expect(health.checks.filter(({ status }) => status === 'failed')).toEqual([])
  expect(await first.ask('/forecasts/lift-1')).toMatchObject({ status: 404 })
  await first.stop()

  const second = await startAll(dir, postgres.url)
  await Promise.all(storm.slice(140).map(batch => second.journal.append(encodeBatch(batch))))
  await until(() => heard.some(event => event.kind === 'cleared' && event.episodeId.startsWith('steep-01')))
  await second.stop()
  await worker.close()

  const road = heard.filter(({ episodeId }) => episodeId.startsWith('steep-01.waterlogging'))
  expect(new Set(road.map(({ episodeId }) => episodeId)).size).toBe(1)
  expect(road.map(({ step }) => step)).toEqual(road.map((_, index) => index))
  expect(road[0]).toMatchObject({ kind: 'raised', rule: 'waterlogging-forecast', mode: 'exercise' })
  await rm(dir, { recursive: true, force: true })
}, 120_000)
