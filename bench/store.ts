/**
 * What the embedded store costs: writing, reading back, disk and memory.
 *
 *   node bench/store.ts [--rows 10000000] [--sensors 500000] [--per-write 50000] [--block-rows 1000000] [--dir <folder>]
 *
 * Readings come as they do in a storm: a tenth of a second's worth of gateways at a time, each with 100 sensors of
 * its own, every sensor every 5 s. CPU seconds per million rows survive a busy machine; rows per second do not.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ReadingBatch } from '@forewarn/contracts/reading'
import { openEmbeddedStore } from '@forewarn/store/embedded'
import type { ReadingStore } from '@forewarn/store/reading-store'

const perGateway = 100
const periodMs = 5000
const startMs = Date.UTC(2026, 6, 1, 6)

/** All readings of one gateway at one time; values drift by centimetres, as water does. */
function batchOf(gateway: number, round: number): ReadingBatch {
  const sensor = new Uint32Array(perGateway)
  const measuredAtMs = new Float64Array(perGateway)
  const value = new Float64Array(perGateway)
  const atMs = startMs + round * periodMs + (gateway % periodMs)
  for (let i = 0; i < perGateway; i++) {
    const id = gateway * perGateway + i
    sensor[i] = id
    measuredAtMs[i] = atMs
    value[i] = ((id * 7 + ((id * 31 + round * 17) % 23) + round) % 4000) / 1000
  }
  return {
    gateway,
    receivedAtMs: atMs + 150 + (gateway % 700),
    sequence: round,
    sensor,
    measuredAtMs,
    value,
    quality: new Uint8Array(perGateway),
  }
}

interface Load {
  readonly rows: number
  readonly sensors: number
  readonly perWrite: number
}

function* writes({ rows, sensors, perWrite }: Load): Generator<ReadingBatch[]> {
  const gateways = sensors / perGateway
  let batches: ReadingBatch[] = []
  for (let n = 0; n * perGateway < rows; n++) {
    // A stride that shares no factor with the number of gateways: they do not speak in the order of their numbers.
    batches.push(batchOf((n * 7919) % gateways, Math.floor(n / gateways)))
    if (batches.length * perGateway < perWrite) continue
    yield batches
    batches = []
  }
  if (batches.length > 0) yield batches
}

interface Figure {
  readonly what: string
  readonly figure: string
}

async function measureWriting(store: ReadingStore, load: Load): Promise<Figure[]> {
  const tookMs: number[] = []
  const begunMs = performance.now()
  const begun = process.cpuUsage()
  for (const batches of writes(load)) {
    const atMs = performance.now()
    await store.write(batches)
    tookMs.push(performance.now() - atMs)
  }
  // Making the readings is not the store's work.
  const making = performance.now() - begunMs - tookMs.reduce((sum, ms) => sum + ms, 0)
  const cpu = process.cpuUsage(begun)
  const wallS = (performance.now() - begunMs - making) / 1000
  const cpuS = (cpu.user + cpu.system) / 1e6 - making / 1000
  tookMs.sort((a, b) => a - b)
  const at = (share: number) => `${(tookMs[Math.floor((tookMs.length - 1) * share)] ?? 0).toFixed(0)} ms`
  return [
    { what: 'written', figure: `${(load.rows / wallS / 1e6).toFixed(2)} M rows/s` },
    { what: 'CPU', figure: `${(cpuS / (load.rows / 1e6)).toFixed(2)} s per million rows` },
    { what: `durable write of ${load.perWrite} rows`, figure: `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}` },
  ]
}

async function timed(
  what: string,
  repeats: number,
  ask: (repeat: number) => Promise<readonly unknown[]>,
): Promise<Figure> {
  const tookMs: number[] = []
  let answers = 0
  const begun = process.cpuUsage()
  for (let i = 0; i < repeats; i++) {
    const atMs = performance.now()
    answers = (await ask(i)).length
    tookMs.push(performance.now() - atMs)
  }
  tookMs.sort((a, b) => a - b)
  const cpu = process.cpuUsage(begun)
  const cpuMs = ((cpu.user + cpu.system) / 1000 / repeats).toFixed(1)
  const median = (tookMs[Math.floor(tookMs.length / 2)] ?? 0).toFixed(1)
  const worst = (tookMs.at(-1) ?? 0).toFixed(1)
  return { what, figure: `${median} ms (worst ${worst}; CPU ${cpuMs} ms), ${answers} answers` }
}

async function measureReading(store: ReadingStore, { rows, sensors }: Load): Promise<Figure[]> {
  const endMs = startMs + Math.ceil(rows / sensors) * periodMs + periodMs
  const lastTwoHours = { fromMs: endMs - 7_200_000, toMs: endMs }
  const some = Array.from({ length: Math.min(2000, sensors) }, (_, i) => (i * 97) % sensors)
  const spread = (i: number) => (i * 104_729) % sensors
  return [
    await timed('last 2 h of one sensor', 15, i => store.range({ sensor: spread(i), ...lastTwoHours })),
    await timed('the same in at most 100 points', 15, i =>
      store.range({ sensor: spread(i), ...lastTwoHours, maxPoints: 100 }),
    ),
    await timed(`latest of ${some.length}`, 15, () => store.latest(some)),
    await timed('latest of all', 5, () => store.latest(undefined)),
    await timed('count of all', 3, async () => [await store.count()]),
  ]
}

function megabytesIn(dir: string): number {
  const files = readdirSync(dir, { withFileTypes: true }).filter(entry => entry.isFile())
  return files.reduce((bytes, { name }) => bytes + statSync(join(dir, name)).size, 0) / 1e6
}

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    sensors: { type: 'string', default: '500000' },
    'per-write': { type: 'string', default: '50000' },
    'block-rows': { type: 'string' },
    dir: { type: 'string' },
  },
})
const load: Load = {
  rows: Number(values.rows),
  sensors: Number(values.sensors),
  perWrite: Number(values['per-write']),
}
const dir = values.dir ?? mkdtempSync(join(tmpdir(), 'forewarn-bench-store-'))
const sensors = Array.from({ length: load.sensors }, (_, i) => ({ id: `sensor-${i}` }))
const blockRows = values['block-rows'] === undefined ? {} : { blockRows: Number(values['block-rows']) }

const emptyMb = process.memoryUsage().rss / 1e6
const store = await openEmbeddedStore({ dir, sensors, ...blockRows })
const figures = await measureWriting(store, load)
const rssMb = process.memoryUsage().rss / 1e6
figures.push(...(await measureReading(store, load)))
const kept = await store.count()
await store.close()
figures.push({ what: 'on disk', figure: `${((megabytesIn(dir) * 1e6) / kept).toFixed(1)} B a row` })
const reopenMs = performance.now()
const again = await openEmbeddedStore({ dir, sensors, ...blockRows })
figures.push({ what: 'reopen', figure: `${(performance.now() - reopenMs).toFixed(0)} ms` })
figures.push({ what: 'kept', figure: `${await again.count()} of ${load.rows}` })
await again.close()
figures.push({
  what: 'memory of this process',
  figure: `${emptyMb.toFixed(0)} MB before, ${rssMb.toFixed(0)} MB after writing`,
})
console.table(Object.fromEntries(figures.map(({ what, figure }) => [what, figure])))
if (values.dir === undefined) rmSync(dir, { recursive: true })
