import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatSenml } from '@forewarn/contracts/senml'
import { decodeBatch } from '@forewarn/journal/batch-codec'
import { openReadingJournal } from '@forewarn/journal/reading-journal'
import mqtt from 'mqtt'
import { expect, test } from 'vitest'
import { testDistrict } from './test-district.ts'

const readingsPerBatch = 20
const firstMs = Date.now() - 3_600_000
const timesOf = (batch: number) =>
  Array.from({ length: readingsPerBatch }, (_, index) => firstMs + batch * readingsPerBatch + index)

async function startHouse(dir: string) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'ingest-child.ts'), dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [port] = await once(child.stdout, 'data')
  return { child, port: Number(String(port)) }
}

/** Publishes these batches as fast as they go until the house is killed; which of them were acknowledged. */
async function publishUntilKilled(dir: string, batches: readonly number[], killAfter: number): Promise<Set<number>> {
  const { child, port } = await startHouse(dir)
  const gateway = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { username: 'gw-1', reconnectPeriod: 0 })
  const acknowledged = new Set<number>()
  const died = once(child, 'exit')
  gateway.on('error', () => {}) // the connection breaks with the kill, as it should
  for (const batch of batches) {
    const readings = timesOf(batch).map(timeMs => ({ name: 'depth-1', timeMs, value: (timeMs % 400) / 100 }))
    gateway.publish('fw/1/jingan/gw-1/readings', formatSenml(readings, { sequence: batch }), { qos: 1 }, error => {
      if (!error) acknowledged.add(batch)
      if (acknowledged.size === killAfter) child.kill('SIGKILL')
    })
  }
  await died
  await gateway.endAsync(true)
  return acknowledged
}

/** How often each reading is in the journal, by its time. */
async function timesInJournal(dir: string): Promise<Map<number, number>> {
  const journal = await openReadingJournal({ dir: join(dir, 'journal'), registry: testDistrict, nowMs: () => 0 })
  const counts = new Map<number, number>()
  for await (const { record } of journal.read({ from: 0, follow: false }))
    for (const timeMs of decodeBatch(record).measuredAtMs) counts.set(timeMs, (counts.get(timeMs) ?? 0) + 1)
  await journal.close()
  return counts
}

test('after kill -9 in mid-stream every acknowledged reading is in the journal, and what was not comes again', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ingest-kill-'))
  const all = Array.from({ length: 1500 }, (_, batch) => batch)
  const first = await publishUntilKilled(dir, all, 300)
  expect(first.size).toBeGreaterThanOrEqual(300)
  expect(first.size).toBeLessThan(all.length)
  const afterFirst = await timesInJournal(dir)
  expect([...first].flatMap(timesOf).filter(timeMs => !afterFirst.has(timeMs))).toEqual([])

  const unacknowledged = all.filter(batch => !first.has(batch))
  const second = await publishUntilKilled(dir, unacknowledged, unacknowledged.length)
  const afterSecond = await timesInJournal(dir)
  expect(second.size).toBe(unacknowledged.length)
  expect([...afterSecond.keys()].sort((a, b) => a - b)).toEqual(all.flatMap(timesOf))
  // A batch that was kept and not acknowledged came again: the same sensor and time, one row in any store.
  expect(Math.max(...afterSecond.values())).toBeLessThanOrEqual(2)
  await rm(dir, { recursive: true })
})
