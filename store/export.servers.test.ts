import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openEmbeddedStore } from './embedded.ts'
import { exportReadings, slicesOf } from './export.ts'
import type { ExportFormat } from './export-rows.ts'
import { openInfluxStore } from './influx/influx.ts'
import { influxdIsInstalled, startInfluxServer } from './influx/server.ts'
import type { ReadingStore } from './reading-store.ts'

const startMs = Date.UTC(2026, 6, 20, 15)
const endMs = startMs + 3 * 86_400_000
/** One plain id, one that every format has to escape. */
const sensors = [
  { id: 'depth-1', periodS: 60 },
  { id: 'odd, "sensor" =1', periodS: 60 },
].map((one, index) => ({ index, ...one }))
const rows = 500

let dir = ''
let store: ReadingStore
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'export-'))
  store = await openEmbeddedStore({ dir: join(dir, 'store'), sensors })
  await store.write([
    {
      gateway: 0,
      receivedAtMs: endMs,
      sequence: 1,
      sensor: Uint32Array.from({ length: rows }, (_, row) => row % 2),
      measuredAtMs: Float64Array.from({ length: rows }, (_, row) => startMs + row * 60_000),
      value: Float64Array.from({ length: rows }, (_, row) => (row === 7 ? Number.NaN : row / 3)),
      quality: Uint8Array.from({ length: rows }, (_, row) => row % 3),
    },
  ])
})
afterEach(async () => {
  await store.close()
  rmSync(dir, { recursive: true })
})

const time = { fromMs: startMs, toMs: endMs }

async function exported(format: ExportFormat): Promise<string> {
  const out = join(dir, `out.${format}`)
  expect(await exportReadings({ range: request => store.range(request), sensors, time, format, out })).toBe(rows)
  return out
}

test.skipIf(!influxdIsInstalled())('line protocol, imported into an InfluxDB, is the same store again', async () => {
  const file = await exported('line-protocol')
  const server = await startInfluxServer({ index: 'tsi1' })
  const influx = await openInfluxStore({ url: server.url, version: '1', database: 'again', sensors })
  const answer = await fetch(`${server.url}/write?db=again&precision=ns`, { method: 'POST', body: readFileSync(file) })
  expect(answer.status, await answer.text()).toBe(204)
  expect(await influx.count(time)).toBe(rows)
  for (const { index } of sensors)
    expect(await influx.range({ sensor: index, ...time })).toEqual(await store.range({ sensor: index, ...time }))
  await influx.close()
  await server.stop()
})

test('Parquet holds every reading, as DuckDB reads it back', async () => {
  const file = await exported('parquet')
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const reader = await connection.runAndReadAll(
    `SELECT sensor, epoch_ms(time)::DOUBLE AS ms, value, quality FROM '${file}' ORDER BY ms`,
  )
  const found = reader.getRows()
  expect(found.length).toBe(rows)
  expect(found[1]).toEqual([sensors[1]?.id, startMs + 60_000, 1 / 3, 1])
  expect(found[7]).toEqual([sensors[1]?.id, startMs + 7 * 60_000, null, 1])
  connection.closeSync()
  instance.closeSync()
  expect(existsSync(`${file}.csv.part`)).toBe(false)
})

test('CSV has one line a reading, times in ISO 8601', async () => {
  const lines = readFileSync(await exported('csv'), 'utf8')
    .trimEnd()
    .split('\n')
  expect(lines.length).toBe(rows + 1)
  expect(lines.slice(0, 2)).toEqual([
    'sensor,time,value,quality,count,min,max',
    'depth-1,2026-07-20T15:00:00.000Z,0,0,1,0,0',
  ])
  expect(lines[rows / 2 + 1]).toContain('"odd, ""sensor"" =1",2026-07-20T15:01:00.000Z')
})

test('a file that is there is left alone', async () => {
  const out = await exported('csv')
  const before = readFileSync(out, 'utf8')
  await expect(exported('csv')).rejects.toThrow('EEXIST')
  expect(readFileSync(out, 'utf8')).toBe(before)
})

test('slices follow each other without a gap, and are no longer than what fits into memory', () => {
  const slices = [...slicesOf({ fromMs: 5, toMs: 5 + 10 * 86_400_000 }, 5)]
  expect(slices.at(0)?.fromMs).toBe(5)
  expect(slices.at(-1)?.toMs).toBe(5 + 10 * 86_400_000)
  for (const [index, { fromMs }] of slices.entries()) if (index > 0) expect(fromMs).toBe(slices[index - 1]?.toMs)
  expect(slices.length).toBe(10)
})
