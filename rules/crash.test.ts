import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EpisodeEvent } from '@forewarn/contracts/episode'
import { handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import type { QueueJob } from '@forewarn/runtime/queue'
import { afterAll, expect, test } from 'vitest'
import { Engine } from './engine/engine.ts'
import { restoreEngine } from './engine/engine-state.ts'
import { Evaluated } from './evaluated.ts'
import { seededRandom } from './forecast/ensemble.ts'
import { readModelFile } from './forecast/model-file.ts'
import { Keeper } from './keeper.ts'
import { loadRules } from './load-rules.ts'
import { decodeSnapshot, openSnapshots, type SnapshotFolder } from './snapshot.ts'
import { startMs, stormBatches, testDistrict } from './test-district.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const { rules } = loadRules(here('catalogue/'))
const model = readModelFile(here('models/rain-to-depth.json'))
const folder = mkdtempSync(join(tmpdir(), 'forewarn-rules-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const batches = stormBatches()

/** A queue that survives crashes and knows its jobs by id, as BullMQ does. */
class DurableQueue {
  readonly jobs = new Map<string, unknown>()
  addedAgain = 0
  refuses = false

  async add(jobs: readonly QueueJob[]): Promise<void> {
    if (this.refuses) throw new Error('the queue is down')
    for (const { jobId, data } of jobs) {
      if (this.jobs.has(jobId)) this.addedAgain += 1
      else this.jobs.set(jobId, data)
    }
  }
}

/** A folder without the disk's waiting times: hundreds of crashes, same bytes. */
function memorySnapshots(): SnapshotFolder {
  let bytes: Uint8Array | undefined
  return {
    registry: 'memory',
    async write(written) {
      // A disk takes its time, and a crash may come meanwhile.
      await new Promise(resolve => setImmediate(resolve))
      bytes = written
    },
    async read() {
      const snapshot = bytes && decodeSnapshot(bytes)
      return snapshot && { snapshot, sensorIds: testDistrict.sensors.map(({ id }) => id) }
    },
  }
}

type Process = Awaited<ReturnType<typeof startProcess>>

/** The rules process between two crashes: what is not in the snapshots or in the queue is gone with it. */
async function startProcess(snapshots: SnapshotFolder, queue: DurableQueue) {
  const engine = new Engine({ district: testDistrict, rules, model, mode: 'exercise', listenSinceMs: startMs })
  const kept = await snapshots.read()
  if (kept !== undefined) restoreEngine(engine, kept.snapshot.engine, kept.sensorIds)
  const from = kept?.snapshot ?? { journalNext: 0, outbox: [] }
  const gatewayIds = testDistrict.gateways.map(({ id }) => id)
  const evaluated = new Evaluated({ gatewayIds, at: from.journalNext, kept: kept?.snapshot.evaluated })
  const consumer = { checkpoint: async () => {} }
  const clock = handClock(startMs)
  const keeper = new Keeper({ engine, snapshots, evaluated, queue, consumer, clock, log: silentLog(), from })
  return { engine, keeper, evaluated, clock, position: from.journalNext, outbox: from.outbox.length }
}

async function run(process: Process, untilBatch: number, keepEvery: number): Promise<void> {
  const { engine, keeper, evaluated } = process
  if (process.outbox > 0) keeper.request()
  for (let at = process.position; at < untilBatch; at++) {
    const batch = batches[at]
    if (batch !== undefined) engine.take(batch)
    evaluated.take({ next: at + 1, batch }, true)
    keeper.passed(at + 1)
    if (engine.hasEvents || at % keepEvery === 0) keeper.request()
    // Lets writes under way make progress, as the event loop would.
    if (at % 8 === 0) await new Promise(resolve => setImmediate(resolve))
  }
}

async function finish(process: Process): Promise<void> {
  process.engine.advance(startMs + 600 * 60_000)
  await process.keeper.stop()
}

async function straightRun(): Promise<unknown[]> {
  const queue = new DurableQueue()
  const process = await startProcess(memorySnapshots(), queue)
  await run(process, batches.length, 200)
  await finish(process)
  return [...queue.jobs.values()]
}

test('a run with crashes at any point tells exactly what a run without them tells', async () => {
  const straight = await straightRun()
  expect(straight.length).toBeGreaterThan(5)
  const random = seededRandom(7)
  for (let round = 0; round < 4; round++) {
    const queue = new DurableQueue()
    const snapshots = memorySnapshots()
    let reached = 0
    while (reached < batches.length) {
      const process = await startProcess(snapshots, queue)
      reached = Math.min(batches.length, process.position + 1 + Math.floor(random() * 160))
      await run(process, reached, 5 + Math.floor(random() * 60))
      if (reached < batches.length) await process.keeper.abandon()
      else await finish(process)
    }
    expect([...queue.jobs.values()]).toEqual(straight)
  }
}, 120_000)

test('a crash between the state and the queue adds the same event again, and it counts once', async () => {
  const snapshots = await openSnapshots(join(folder, 'between'), testDistrict)
  const queue = new DurableQueue()
  queue.refuses = true
  const first = await startProcess(snapshots, queue)
  await run(first, batches.length, 1000)
  await first.keeper.stop()
  expect(queue.jobs.size).toBe(0)
  queue.refuses = false
  const second = await startProcess(snapshots, queue)
  expect(second.outbox).toBeGreaterThan(0)
  await run(second, batches.length, 1000)
  await finish(second)
  const events: EpisodeEvent[] = JSON.parse(JSON.stringify([...queue.jobs.values()]))
  const straight: EpisodeEvent[] = JSON.parse(JSON.stringify(await straightRun()))
  expect(events).toEqual(straight)
  const third = await startProcess(snapshots, queue)
  await run(third, batches.length, 1000)
  await third.keeper.stop()
  expect(queue.jobs.size).toBe(straight.length)
})
