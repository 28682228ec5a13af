import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { afterAll, expect, test } from 'vitest'
import { openEmbeddedStore } from './embedded.ts'
import { batchOf, hourMs, sensorsNamed, sixMs } from './sample-readings.ts'

const root = mkdtempSync(join(tmpdir(), 'forewarn-opening-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const sensors = sensorsNamed('gauge-1', 'gauge-2')

test('opening a folder twice in one process is refused, until the first is closed', async () => {
  const dir = join(root, 'twice')
  const first = await openEmbeddedStore({ dir, sensors })
  await expect(openEmbeddedStore({ dir: join(dir, '.'), sensors })).rejects.toMatchObject({ code: 'store-locked' })
  await first.close()
  await (await openEmbeddedStore({ dir, sensors })).close()
})

test('a folder that cannot be made is refused with a code', async () => {
  const file = join(root, 'a-file')
  writeFileSync(file, '')
  await expect(openEmbeddedStore({ dir: join(file, 'readings'), sensors })).rejects.toMatchObject({
    code: 'store-folder-unusable',
  })
})

test('a file that is no database is refused with a code, and left as it is', async () => {
  const dir = mkdtempSync(join(root, 'damaged-'))
  writeFileSync(join(dir, 'readings.duckdb'), 'not a database, but long enough to be looked at. '.repeat(400))
  for (const attempt of ['once', 'again']) {
    await expect(openEmbeddedStore({ dir, sensors }), attempt).rejects.toMatchObject({ code: 'store-damaged' })
  }
})

test('hourly figures of deleted readings stay, and add up when late ones follow them', async () => {
  const store = await openEmbeddedStore({ dir: join(root, 'hourly'), sensors })
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
  expect(await store.range({ sensor: 0, fromMs: sixMs, toMs: sixMs + 3 * hourMs })).toEqual([
    { atMs: sixMs, min: 1, mean: 4, max: 8, count: 3, quality: 0 },
    { atMs: sixMs + hourMs, min: 10, mean: 10, max: 10, count: 1, quality: 0 },
    { atMs: sixMs + 2 * hourMs, min: 7, mean: 7, max: 7, count: 1, quality: 0 },
  ])
  expect(await store.range({ sensor: 0, fromMs: sixMs, toMs: sixMs + 3 * hourMs, maxPoints: 1 })).toEqual([
    { atMs: sixMs, min: 1, mean: 29 / 5, max: 10, count: 5, quality: 0 },
  ])
  expect(await store.count()).toBe(1)
  await store.close()
})

test('writes, charts and counts asked for all at once are each answered from one moment', async () => {
  const store = await openEmbeddedStore({ dir: join(root, 'at-once'), sensors, memoryMb: 64, blockRows: 500 })
  const writes: Promise<void>[] = []
  const looks: Promise<number[]>[] = []
  for (let n = 0; n < 40; n++) {
    const rows = Array.from({ length: 100 }, (_, i) => [0, n * 100 + i, n] as const)
    writes.push(store.write([batchOf(rows)]))
    looks.push(
      store
        .range({ sensor: 0, fromMs: sixMs, toMs: sixMs + hourMs })
        .then(points => points.map(point => point.atMs - sixMs)),
    )
  }
  await Promise.all(writes)
  // Whole writes only, and none missing while a block moves to its day.
  for (const seen of await Promise.all(looks)) {
    expect(seen.length % 100).toBe(0)
    expect(seen.every((afterMs, i) => afterMs === i)).toBe(true)
  }
  expect(await store.count()).toBe(4000)
  expect((await store.health()).map(check => check.status)).not.toContain('failed')
  await store.close()
})

test('a thread that is killed is followed by another: what was acknowledged is there, and writing goes on', async () => {
  const threads: Worker[] = []
  const note = (thread: Worker) => void threads.push(thread)
  process.on('worker', note)
  const store = await openEmbeddedStore({ dir: join(root, 'killed-thread'), sensors })
  await store.write([batchOf([[0, 0, 1]])])
  // At rest: a thread that is torn out of the engine's hands takes the whole process with it.
  await threads[0]?.terminate()
  await store.write([batchOf([[0, 60_000, 2]])])
  await store.write([batchOf([[0, 120_000, 3]])])
  expect((await store.range({ sensor: 0, fromMs: sixMs, toMs: sixMs + hourMs })).map(({ mean }) => mean)).toEqual([
    1, 2, 3,
  ])
  expect(threads).toHaveLength(2)
  process.off('worker', note)
  await store.close()
})
