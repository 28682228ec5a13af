/**
 * Checks of what is sent to InfluxDB 2.x and 3.x, against a small server that answers as their documentation says.
 * No real InfluxDB 2 or 3 takes part: these tests hold the paths, headers and bodies, not the databases.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { batchOf, sensorsNamed, sixMs } from '../sample-readings.ts'
import { openInfluxStore } from './influx.ts'
import type { Poison } from './writing.ts'

interface Asked {
  readonly method: string
  readonly path: string
  readonly search: Record<string, string>
  readonly authorization: string
  readonly body: string
}

interface Reply {
  readonly status: number
  readonly json?: unknown
}

/** A server that notes every request and answers what `reply` says. */
async function startListener(reply: (asked: Asked) => Reply) {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://127.0.0.1')
    const one = {
      method: request.method ?? '',
      path: url.pathname,
      search: Object.fromEntries(url.searchParams),
      authorization: request.headers.authorization ?? '',
      body: await text(request),
    }
    asked.push(one)
    const { status, json } = reply(one)
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(json === undefined ? '' : JSON.stringify(json))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const stop = () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${port}`, asked, [Symbol.dispose]: stop }
}

const sensors = sensorsNamed('gauge-1', 'gauge-2')
const emptyAnswer = { results: [{ statement_id: 0 }] }

/** Answers of InfluxDB 2.x to what the store asks; `mapped` is whether the bucket has its DBRP mapping. */
function version2(mapped: boolean) {
  return ({ method, path }: Asked): Reply => {
    if (path === '/api/v2/write' || path === '/api/v2/delete') return { status: 204 }
    if (path === '/api/v2/buckets') return { status: 200, json: { buckets: [{ id: 'b1' }] } }
    if (path === '/api/v2/dbrps' && method === 'GET')
      return { status: 200, json: { content: mapped ? [{ id: 'm' }] : [] } }
    if (path === '/api/v2/dbrps') return { status: 201, json: { id: 'm' } }
    return { status: 200, json: emptyAnswer }
  }
}

const options2 = { version: '2', database: 'water', org: 'district', token: 'secret', sensors } as const

test('2.x (protocol check): a bucket without a mapping for InfluxQL gets one', async () => {
  using listener = await startListener(version2(false))
  const store = await openInfluxStore({ url: listener.url, ...options2 })
  await store.close()
  expect(listener.asked.map(({ method, path, search }) => [method, path, search])).toEqual([
    ['GET', '/api/v2/dbrps', { org: 'district', db: 'water' }],
    ['GET', '/api/v2/buckets', { org: 'district', name: 'water' }],
    ['POST', '/api/v2/dbrps', {}],
  ])
  expect(JSON.parse(listener.asked[2]?.body ?? '')).toEqual({
    org: 'district',
    bucketID: 'b1',
    database: 'water',
    retention_policy: 'autogen',
    default: true,
  })
})

test('2.x (protocol check): writing, asking and deleting go to the documented paths with the token', async () => {
  using listener = await startListener(version2(true))
  const store = await openInfluxStore({ url: listener.url, ...options2 })
  await store.write([batchOf([[0, 0, 1.5]], { receivedAtMs: sixMs + 9 })])
  expect(listener.asked.at(-1)).toEqual({
    method: 'POST',
    path: '/api/v2/write',
    search: { org: 'district', bucket: 'water', precision: 'ms' },
    authorization: 'Token secret',
    body: `reading,s=gauge-1 v=1.5,q=0i,r=${sixMs + 9}i ${sixMs}`,
  })
  expect(await store.range({ sensor: 1, fromMs: 0, toMs: 5 })).toEqual([])
  const query = listener.asked.at(-1)
  expect(query).toMatchObject({ method: 'POST', path: '/query', search: { db: 'water', epoch: 'ms' } })
  expect(new URLSearchParams(query?.body).get('q')).toBe(
    "SELECT v, q FROM reading WHERE s = 'gauge-2' AND time >= 0ms AND time < 5ms",
  )
  await store.retain({ olderThanMs: sixMs + 5 })
  expect(listener.asked.at(-1)).toMatchObject({ path: '/api/v2/delete', search: { org: 'district', bucket: 'water' } })
  expect(JSON.parse(listener.asked.at(-1)?.body ?? '')).toMatchObject({
    stop: '2026-07-01T06:00:00.000Z',
    predicate: '_measurement="reading"',
  })
  expect(listener.asked.every(({ authorization }) => authorization === 'Token secret')).toBe(true)
  await store.close()
})

test('3.x (protocol check): writing and asking name the database and no organisation', async () => {
  using listener = await startListener(({ path }) =>
    path === '/api/v2/write' ? { status: 204 } : { status: 200, json: emptyAnswer },
  )
  const options = { version: '3', database: 'water', token: 'secret', sensors } as const
  const store = await openInfluxStore({ url: listener.url, ...options })
  await store.write([batchOf([[1, 0, 2]])])
  expect(listener.asked).toMatchObject([
    { path: '/api/v2/write', search: { bucket: 'water', precision: 'ms' }, authorization: 'Token secret' },
  ])
  expect(listener.asked[0]?.search).not.toHaveProperty('org')
  expect(await store.latest([0])).toEqual([])
  expect(new URLSearchParams(listener.asked.at(-1)?.body).get('q')).toBe(
    "SELECT last(r) AS r, v, q FROM reading WHERE s = 'gauge-1' GROUP BY s",
  )
  await store.retain({ olderThanMs: sixMs })
  expect(listener.asked).toHaveLength(2)
  expect((await store.health()).map(check => check.name)).toEqual(['store', 'store-retention'])
  await store.close()
})

test.each([
  [401, { code: 'unauthorized', message: 'unauthorized access' }, 'store-refused'],
  [400, { code: 'invalid', message: 'missing bucket' }, 'store-refused'],
  [404, { code: 'not found', message: 'bucket "water" not found' }, 'store-refused'],
  [429, { code: 'too many requests' }, 'store-unreachable'],
  [503, { code: 'unavailable' }, 'store-unreachable'],
])('2.x (protocol check): a write answered %i %j is %s, and no reading is set aside', async (status, json, code) => {
  using listener = await startListener(asked =>
    asked.path === '/api/v2/write' ? { status, json } : version2(true)(asked),
  )
  const poisons: Poison[] = []
  const store = await openInfluxStore({ url: listener.url, ...options2, onPoison: poison => void poisons.push(poison) })
  await expect(store.write([batchOf([[0, 0, 1]])])).rejects.toMatchObject({ code })
  expect(poisons).toEqual([])
  await store.close()
})

test('2.x (protocol check): a server that finds every line bad is refused, not obeyed', async () => {
  const bad = { status: 400, json: { code: 'invalid', message: "unable to parse 'x': bad" } }
  using listener = await startListener(asked => (asked.path === '/api/v2/write' ? bad : version2(true)(asked)))
  const poisons: Poison[] = []
  const store = await openInfluxStore({ url: listener.url, ...options2, onPoison: poison => void poisons.push(poison) })
  const rows = Array.from({ length: 1000 }, (_, i) => [0, i, i] as const)
  await expect(store.write([batchOf(rows)])).rejects.toMatchObject({ code: 'store-refused' })
  expect(poisons.length).toBeLessThanOrEqual(100)
  await store.close()
})

test('2.x (protocol check): a block that is too large is sent in halves', async () => {
  using listener = await startListener(asked => {
    if (asked.path !== '/api/v2/write') return version2(true)(asked)
    return asked.body.length > 300 ? { status: 413, json: { code: 'request too large' } } : { status: 204 }
  })
  const store = await openInfluxStore({ url: listener.url, ...options2 })
  await store.write([batchOf(Array.from({ length: 20 }, (_, i) => [0, i, i] as const))])
  const taken = listener.asked.filter(({ path, body }) => path === '/api/v2/write' && body.length <= 300)
  expect(taken.flatMap(({ body }) => body.split('\n'))).toHaveLength(20)
  await store.close()
})

test('2.x (protocol check): a bucket that does not exist is told of at the start', async () => {
  using listener = await startListener(asked =>
    asked.path === '/api/v2/buckets' ? { status: 200, json: { buckets: [] } } : version2(false)(asked),
  )
  await expect(openInfluxStore({ url: listener.url, ...options2 })).rejects.toThrow(/no bucket water/)
})
