import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { episodeJobId, episodesQueue } from '@forewarn/contracts/episode'
import { openQueue } from '@forewarn/runtime/queue'
import { freshPostgresFolder } from '@forewarn/runtime/test-postgres'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { askWith, followEvents, raised, startMs, startTestBroker, type TestBroker } from './test-house.ts'

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

const storm = Array.from({ length: 40 }, (_, i) =>
  raised({ episodeId: `west.waterlogging.${startMs + i}`, placeId: i % 2 ? 'west' : 'east', plan: 'at-once' }),
)

test('kill -9 twice in the middle of a storm: no warning is lost, none rings twice, no truck is in two places', async () => {
  const first = await start()
  const queue = await openQueue({ name: episodesQueue, backend: { kind: 'postgres', url: first.databaseUrl } })
  await queue.add(storm.map(event => ({ jobId: episodeJobId(event), name: event.kind, data: event })))
  await killAfter(5, first.url)
  await queue.close().catch(() => undefined)
  await killAfter(15, (await start()).url)

  const { url, databaseUrl } = await start()
  await (await eventsOf(url)).untilWarnings(storm.length)
  await broker.until(orders => new Set(orders.map(({ orderId }) => orderId)).size >= 2)
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  expect(await rows(client, `SELECT body->>'warningId' ${ofRings} HAVING count(*) <> 1`)).toEqual([])
  expect(await rows(client, `SELECT body->>'warningId' ${ofRings}`)).toHaveLength(storm.length)
  expect(await rows(client, `SELECT warning_id ${ofRaised} HAVING count(*) <> 1`)).toEqual([])
  expect(await rows(client, `SELECT unit_id FROM alerts.orders ORDER BY 1`)).toEqual([
    { unit_id: 'p1' },
    { unit_id: 'p2' },
  ])
  const sent = new Map(broker.orders.map(({ orderId, unitId }) => [orderId, unitId]))
  expect([...sent.values()].sort()).toEqual(['p1', 'p2'])
  await client.end()
}, 120_000)

const ofRings = `FROM alerts.deeds WHERE body->>'kind' = 'ring' GROUP BY 1`
const ofRaised = `FROM alerts.audit WHERE event = 'raised' GROUP BY 1`

async function rows(client: pg.Client, sql: string): Promise<unknown[]> {
  return (await client.query(sql)).rows
}

function eventsOf(url: string) {
  return followEvents(askWith(url))
}

async function killAfter(seen: number, url: string): Promise<void> {
  const events = await eventsOf(url)
  await events.untilWarnings(seen)
  await kill()
}
