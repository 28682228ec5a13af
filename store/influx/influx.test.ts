import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { storeConformance } from '../conformance.ts'
import { batchOf, hourMs, sensorsNamed, sixMs } from '../sample-readings.ts'
import { openInfluxStore } from './influx.ts'
import { type InfluxServer, influxdIsInstalled, startInfluxServer } from './server.ts'
import type { Poison } from './writing.ts'

// Locally the test is skipped where there is no influxd; on CI that would hide that nothing was tested.
const skipped = !influxdIsInstalled() && process.env['CI'] === undefined
const sensors = sensorsNamed('gauge-1', 'gauge-2', 'gauge-3', 'gauge-4')

describe.skipIf(skipped)('with a real InfluxDB 1.x (skipped where influxd is not installed)', () => {
  let server: InfluxServer
  beforeAll(async () => {
    server = await startInfluxServer()
  })
  afterAll(() => server?.stop())

  storeConformance('InfluxDB 1.x', ({ place, sensors: own }) =>
    openInfluxStore({ url: server.url, version: '1', database: place, sensors: own, onPoison: unexpected }),
  )

  test('a database with an odd name is made and used', async () => {
    const store = await openInfluxStore({ url: server.url, version: '1', database: `a "b' c`, sensors })
    await store.write([batchOf([[0, 0, 1]])])
    expect(await store.count()).toBe(1)
    expect((await store.health()).map(check => check.status)).toEqual(['ok', 'ok'])
    await store.close()
  })

  const threeHours = { sensor: 0, fromMs: sixMs, toMs: sixMs + 3 * hourMs }
  const hour = (afterMs: number, min: number, mean: number, max: number, count: number) => {
    return { atMs: sixMs + afterMs, min, mean, max, count, quality: 0 }
  }

  test('hourly figures of deleted readings stay, and add up when late ones follow them', async () => {
    const store = await openInfluxStore({ url: server.url, version: '1', database: 'hourly', sensors })
    await store.write([
      batchOf([
        [0, 0, 1],
        [0, 60_000, 3],
        [0, hourMs, 10],
        [0, 2 * hourMs, 7],
      ]),
    ])
    await store.retain({ olderThanMs: sixMs + 2 * hourMs })
    await store.write([batchOf([[0, 120_000, 8]])])
    await store.retain({ olderThanMs: sixMs + 2 * hourMs })
    await store.retain({ olderThanMs: sixMs + 2 * hourMs })
    const kept = [hour(0, 1, 4, 8, 3), hour(hourMs, 10, 10, 10, 1), hour(2 * hourMs, 7, 7, 7, 1)]
    expect(await store.range(threeHours)).toEqual(kept)
    expect(await store.range({ ...threeHours, maxPoints: 1 })).toEqual([hour(0, 1, 29 / 5, 10, 5)])
    expect(await store.count()).toBe(1)
    const again = await openInfluxStore({ url: server.url, version: '1', database: 'hourly', sensors })
    expect(await again.range(threeHours)).toEqual(kept)
    await Promise.all([store.close(), again.close()])
  })

  test.each([
    [1, 'while it counted', [[0, 0, 1] as const, [0, 60_000, 3] as const], hour(0, 1, 2, 3, 2)],
    [2, 'while it deleted', [[0, 60_000, 3] as const], hour(0, 1, 2, 3, 2)],
  ])('a retention cut off in phase %i, %s, counts every hour once', async (phase, _, left, expected) => {
    const database = `cut-${phase}`
    const store = await openInfluxStore({ url: server.url, version: '1', database, sensors })
    await store.write([batchOf(left)])
    // What the run had written when it was cut off: its note, and the figures of the whole hour.
    const lines = [
      `reading_retain run=1i,phase=${phase}i ${sixMs + hourMs}`,
      `reading_hourly,s=gauge-1,p=1 n=2i,m=2i,q=0i,min=1,mean=2,max=3 ${sixMs}`,
    ]
    const query = new URLSearchParams({ db: database, precision: 'ms' })
    await fetch(`${server.url}/write?${query}`, { method: 'POST', body: lines.join('\n') })
    await store.retain({ olderThanMs: sixMs + hourMs })
    await store.retain({ olderThanMs: sixMs + 2 * hourMs })
    expect(await store.range(threeHours)).toEqual([expected])
    expect(await store.count()).toBe(0)
    await store.close()
  })

  test('a write of many blocks over both lanes is whole', async () => {
    const store = await openInfluxStore({ url: server.url, version: '1', database: 'many', sensors })
    const rows = Array.from({ length: 50_000 }, (_, i) => [i % 4, i, i] as const)
    await store.write([batchOf(rows)])
    expect(await store.count()).toBe(50_000)
    await store.close()
  })

  test('one bad line among good ones is found, set aside and told of; the good ones are kept', async () => {
    const poisons: Poison[] = []
    const onPoison = (poison: Poison) => void poisons.push(poison)
    const store = await openInfluxStore({ url: server.url, version: '1', database: 'poison', sensors, onPoison })
    // Beyond the year 2262 InfluxDB cannot tell the time; nothing in the way of a line is wrong with it.
    const farMs = 1e16
    const rows = Array.from({ length: 999 }, (_, i) => [0, i, i] as const)
    await store.write([batchOf([...rows.slice(0, 500), [0, farMs, 1], ...rows.slice(500)])])
    expect(await store.count()).toBe(999)
    expect(poisons).toHaveLength(1)
    expect(poisons[0]).toMatchObject({ reason: 'not-readable', lines: 1 })
    expect(poisons[0]?.line).toContain(String(sixMs + farMs))
    await store.close()
  })

  test('readings older than the retention are told of once a block and not tried for ever', async () => {
    const poisons: Poison[] = []
    const onPoison = (poison: Poison) => void poisons.push(poison)
    const store = await openInfluxStore({ url: server.url, version: '1', database: 'short', sensors, onPoison })
    const policy = 'CREATE RETENTION POLICY short ON short DURATION 1h REPLICATION 1 DEFAULT'
    await fetch(`${server.url}/query`, { method: 'POST', body: new URLSearchParams({ q: policy }) })
    await store.write([
      batchOf([
        [0, -30 * 365 * 24 * hourMs, 1],
        [2, -30 * 365 * 24 * hourMs, 1],
      ]),
    ])
    expect(poisons.map(({ reason, lines }) => [reason, lines])).toEqual([['beyond-retention', 2]])
    expect(await store.count()).toBe(0)
    await store.close()
  })
})

describe.skipIf(skipped)('when InfluxDB 1.x is in trouble (skipped where influxd is not installed)', () => {
  test('down, it is not reachable, also at the start; back again, the same write is kept once', async () => {
    await using server = disposable(await startInfluxServer())
    const options = { url: server.url, version: '1', database: 'outage', sensors } as const
    const before = await openInfluxStore(options)
    const batches = [
      batchOf([
        [0, 0, 1],
        [1, 0, 2],
      ]),
    ]
    await before.write(batches)
    await server.kill()
    await expect(before.write(batches)).rejects.toMatchObject({ code: 'store-unreachable' })
    const during = await openInfluxStore({ ...options, database: 'made-later' })
    await expect(during.write(batches)).rejects.toMatchObject({ code: 'store-unreachable' })
    expect((await during.health())[0]).toMatchObject({ name: 'store', status: 'failed' })
    await server.start()
    await before.write(batches)
    await during.write(batches)
    expect([await before.count(), await during.count()]).toEqual([2, 2])
    await Promise.all([before.close(), during.close()])
  })

  test('with the default index, its limit of sensors is an error that names the setting, and no bad line', async () => {
    await using server = disposable(await startInfluxServer({ index: 'inmem', tagLimit: 3 }))
    const poisons: Poison[] = []
    const onPoison = (poison: Poison) => void poisons.push(poison)
    const store = await openInfluxStore({ url: server.url, version: '1', database: 'full', sensors, onPoison })
    expect((await store.health())[1]).toMatchObject({ name: 'store-index', status: 'warning' })
    await store.write([
      batchOf([
        [0, 0, 1],
        [1, 0, 1],
        [2, 0, 1],
      ]),
    ])
    const fourth = batchOf([[3, 0, 1]])
    await expect(store.write([fourth])).rejects.toThrow(/index-version = "tsi1"/)
    await expect(store.write([fourth])).rejects.toMatchObject({ code: 'store-refused' })
    expect(poisons).toEqual([])
    await store.close()
  })
})

function unexpected(poison: Poison): never {
  throw new Error(`a line that should be taken was not: ${JSON.stringify(poison)}`)
}

function disposable(server: InfluxServer): InfluxServer & AsyncDisposable {
  return { ...server, [Symbol.asyncDispose]: () => server.stop() }
}
