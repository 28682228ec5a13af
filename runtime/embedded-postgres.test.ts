import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEmbeddedPostgres } from './embedded-postgres.ts'
import { freshPostgresFolder, startTestPostgres, type TestPostgres } from './test-postgres.ts'

let database: TestPostgres
beforeAll(async () => {
  database = await startTestPostgres()
})
afterAll(() => database?.[Symbol.asyncDispose]())

async function connect(options: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url, ...options })
  await client.connect()
  return client
}

test('plain pg talks to it, and is told what was wrong in PostgreSQL’s own codes', async () => {
  const client = await connect()
  expect((await client.query('SELECT $1::int + 1 AS sum', [41])).rows).toEqual([{ sum: 42 }])
  await expect(client.query('SELECT $1::int / 0', [1])).rejects.toMatchObject({ code: '22012' })
  await expect(client.query('SELEC 1')).rejects.toMatchObject({ code: '42601' })
  expect((await client.query('SELECT 1 AS still_well')).rows).toHaveLength(1)
  await client.end()
})

test('nobody enters without the password', async () => {
  const wrong = database.url.replace(/:[^:@]+@/, ':guessed@')
  const client = new pg.Client({ connectionString: wrong })
  await expect(client.connect()).rejects.toMatchObject({ code: '28P01' })
})

test('from BEGIN to COMMIT the session belongs to one connection; the others wait', async () => {
  const [one, other] = [await connect(), await connect()]
  await one.query('CREATE TABLE turns (n int)')
  await one.query('BEGIN')
  await one.query('INSERT INTO turns VALUES (1)')
  const order: string[] = []
  const waiting = other.query('SELECT count(*)::int AS n FROM turns').then(({ rows }) => {
    order.push('other')
    return rows
  })
  await one.query('INSERT INTO turns VALUES (2)')
  order.push('one')
  await one.query('ROLLBACK')
  expect(await waiting).toEqual([{ n: 0 }])
  expect(order).toEqual(['one', 'other'])
  await Promise.all([one.end(), other.end()])
})

test('a connection that dies in its transaction gives the session back', async () => {
  const [dying, other] = [await connect(), await connect()]
  dying.on('error', () => undefined)
  await other.query('CREATE TABLE left_behind (n int)')
  await dying.query('BEGIN')
  await dying.query('INSERT INTO left_behind VALUES (1)')
  const waiting = other.query('SELECT count(*)::int AS n FROM left_behind')
  Reflect.get(dying, 'connection').stream.destroy()
  expect((await waiting).rows).toEqual([{ n: 0 }])
  await other.end()
})

test('a hundred statements at once on eight connections answer to whom they were asked by', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 8 })
  const asked = Array.from({ length: 100 }, (_, i) => i)
  const answers = await Promise.all(asked.map(i => pool.query('SELECT $1::int AS i, $2::text AS t', [i, `t${i}`])))
  expect(answers.map(({ rows }) => rows[0])).toEqual(asked.map(i => ({ i, t: `t${i}` })))
  await pool.end()
})

test('two connections may give one name to different statements', async () => {
  const [one, other] = [await connect(), await connect()]
  const ask = (client: pg.Client, text: string) => client.query({ name: 'mine', text })
  for (let round = 0; round < 2; round++) {
    expect((await ask(one, 'SELECT 1 AS n')).rows).toEqual([{ n: 1 }])
    expect((await ask(other, 'SELECT 2 AS n')).rows).toEqual([{ n: 2 }])
  }
  await Promise.all([one.end(), other.end()])
})

test('each connection keeps the search path it came with', async () => {
  const queue = await connect({ options: '-c search_path="elsewhere"' })
  const plain = await connect()
  const shown = async (client: pg.Client) => (await client.query('SHOW search_path')).rows[0]?.search_path
  expect([await shown(queue), await shown(plain), await shown(queue)]).toEqual(['elsewhere', 'public', 'elsewhere'])
  await Promise.all([queue.end(), plain.end()])
})

test('a notification reaches everyone who listens, also when the LISTEN began with a comment', async () => {
  const [one, other, deaf] = [await connect(), await connect(), await connect()]
  const heard: string[] = []
  for (const [name, client] of Object.entries({ one, other, deaf })) {
    client.on('notification', ({ payload }) => heard.push(`${name}:${payload}`))
  }
  await one.query('LISTEN rain')
  await other.query('-- a comment\nLISTEN "rain";')
  await deaf.query(`NOTIFY rain, 'a'`)
  await one.query('UNLISTEN rain')
  await deaf.query(`SELECT pg_notify('rain', $1)`, ['b'])
  // Their own answer comes after what was notified before it.
  await Promise.all([one, other, deaf].map(client => client.query('SELECT 1')))
  expect(heard.sort()).toEqual(['one:a', 'other:a', 'other:b'])
  await Promise.all([one.end(), other.end(), deaf.end()])
})

const child = `
  import { startEmbeddedPostgres } from ${JSON.stringify(new URL('./embedded-postgres.ts', import.meta.url).href)}
  const { url } = await startEmbeddedPostgres({ dir: process.argv[1] })
  console.log(url)
`

test('what was committed survives kill -9, and the second start is quick', async () => {
  const dir = await freshPostgresFolder()
  const process_ = spawn(process.execPath, ['--input-type=module', '-e', child, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(process_.stdout, 'data')
  const client = new pg.Client({ connectionString: String(line).trim() })
  client.on('error', () => undefined)
  await client.connect()
  await client.query('CREATE TABLE kept (n int)')
  let committed = 0
  const inserting = (async () => {
    for (;;) {
      await client.query('INSERT INTO kept VALUES ($1)', [committed + 1])
      committed++
      if (committed === 50) process_.kill('SIGKILL')
    }
  })()
  await expect(inserting).rejects.toThrow()
  if (process_.exitCode === null && process_.signalCode === null) await once(process_, 'exit')
  const startedMs = performance.now()
  const again = await startEmbeddedPostgres({ dir })
  const tookMs = performance.now() - startedMs
  const reader = new pg.Client({ connectionString: again.url })
  await reader.connect()
  const { rows } = await reader.query('SELECT count(*)::int AS n FROM kept')
  expect(rows[0]?.n).toBeGreaterThanOrEqual(committed)
  expect(rows[0]?.n).toBeLessThanOrEqual(committed + 1)
  expect(tookMs).toBeLessThan(10_000)
  await reader.end()
  await again.stop()
  await rm(join(dir, '..'), { recursive: true, force: true })
})
