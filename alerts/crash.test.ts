import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { episodeJobId, episodesQueue } from '@forewarn/contracts/episode'
import { openQueue } from '@forewarn/runtime/queue'
import { freshPostgresFolder } from '@forewarn/runtime/test-postgres'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { raised, startMs, startTestBroker, type TestBroker } from './test-house.ts'

let dir: string
let plansDir: string
let broker: TestBroker
let child: ChildProcess | undefined

beforeAll(async () => {
  dir = await freshPostgresFolder()
  plansDir = await mkdtemp(join(tmpdir(), 'forewarn-plans-'))
  const level = '{ units: [{ kind: pump-truck, count: 1 }], vetoS: 0 }'
  await writeFile(
    join(plansDir, 'at-once.yaml'),
    `plan: at-once\ntitle: { zh: 立即, en: At once }\nlevels: { orange: ${level} }\n`,
  )
  broker = await startTestBroker()
})
afterAll(async () => {
  child?.kill('SIGKILL')
  await broker?.stop()
  await rm(join(dir, '..'), { recursive: true, force: true })
  await rm(plansDir, { recursive: true, force: true })
})

const Started = z.object({ url: z.string(), databaseUrl: z.string() })

async function start() {
  const task = JSON.stringify({ dir, brokerUrl: broker.url, plansDir })
  const script = new URL('./test-child.ts', import.meta.url).pathname
  const started = spawn(process.execPath, [script, task], { stdio: ['ignore', 'pipe', 'inherit'] })
  child = started
  const [line] = await once(started.stdout, 'data')
  return Started.parse(JSON.parse(String(line)))
}

async function kill() {
  const gone = child && once(child, 'exit')
  child?.kill('SIGKILL')
  await gone
}

async function count(client: pg.Client, sql: string): Promise<number> {
  const { rows } = await client.query(sql)
  return Number(rows[0]?.count)
}

async function connect(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl })
  // The connection dies with the process that is killed.
  client.on('error', () => undefined)
  await client.connect()
  return client
}

const warnings = 'SELECT count(*) FROM alerts.warnings'
const storm = Array.from({ length: 40 }, (_, i) =>
  raised({ episodeId: `west.waterlogging.${startMs + i}`, placeId: i % 2 ? 'west' : 'east', plan: 'at-once' }),
)

test('kill -9 twice in the middle of a storm: no warning is lost, none rings twice, no truck is in two places', async () => {
  const first = await start()
  const queue = await openQueue({ name: episodesQueue, backend: { kind: 'postgres', url: first.databaseUrl } })
  await queue.add(storm.map(event => ({ jobId: episodeJobId(event), name: event.kind, data: event })))
  for (const until of [5, 15]) {
    const { databaseUrl } = until === 5 ? first : await start()
    const client = await connect(databaseUrl)
    while ((await count(client, warnings)) < until) await nextTurn()
    await kill()
    await client.end().catch(() => undefined)
  }
  await queue.close().catch(() => undefined)

  const { databaseUrl } = await start()
  const client = await connect(databaseUrl)
  const unfinished = `SELECT count(*) FROM bullmq.job WHERE queue = 'episodes' AND state <> 'completed'`
  const undone = 'SELECT count(*) FROM alerts.deeds WHERE NOT done'
  // Its own progress is all that the process under test can be asked for.
  while ((await count(client, unfinished)) > 0 || (await count(client, undone)) > 0) await nextTurn()
  await broker.until(orders => new Set(orders.map(({ orderId }) => orderId)).size >= 2)
  const rungTwice = `SELECT count(*) FROM (SELECT body->>'warningId' FROM alerts.deeds WHERE body->>'kind' = 'ring' GROUP BY 1 HAVING count(*) > 1) AS twice`
  const raisedTwice = `SELECT count(*) FROM (SELECT warning_id FROM alerts.audit WHERE event = 'raised' GROUP BY 1 HAVING count(*) > 1) AS twice`
  const liveOrders = `SELECT unit_id FROM alerts.orders WHERE state NOT IN ('released', 'stood-down') ORDER BY 1`
  expect(await count(client, warnings)).toBe(storm.length)
  expect(await count(client, rungTwice)).toBe(0)
  expect(await count(client, raisedTwice)).toBe(0)
  expect((await client.query(liveOrders)).rows.map(({ unit_id }) => unit_id)).toEqual(['p1', 'p2'])
  const sent = new Map(broker.orders.map(({ orderId, unitId }) => [orderId, unitId]))
  expect([...sent.values()].sort()).toEqual(['p1', 'p2'])
  await client.end()
})
