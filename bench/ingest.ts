/**
 * `npm run bench -- ingest`: readings a second from the gateway to the disk, ours and the stock pipeline's, one after
 * the other in the same run. Flags: --gateways 1000 --seconds 10 --cells 100x100000,500x100000,1x5000
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { loadGateways, sensorsPerGateway } from './bench-district.ts'
import { startForewarnSide } from './forewarn-side.ts'
import type { LoadPlan, LoadResult } from './mqtt-load.ts'
import { cpuSeconds, residentMb } from './process-figures.ts'
import { missingPrograms, startStockPipeline } from './stock-pipeline.ts'

const { values: flags } = parseArgs({
  options: {
    gateways: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    cells: { type: 'string', default: '100x100000,500x100000,1x5000' },
  },
})

interface Cell {
  readonly batch: number
  readonly rate: number
}

const gateways = Number(flags.gateways)
const cells = flags.cells.split(',').map((text): Cell => {
  const [batch = 0, rate = 0] = text.split('x').map(Number)
  return { batch, rate }
})

/** One side of the comparison, while it runs. */
interface Side {
  readonly name: string
  readonly mqttPort: number
  readonly pids: readonly number[]
  readonly passwords: ReadonlyMap<string, string>
  count(): Promise<number>
  stop(): Promise<void>
}

async function forewarnSide(): Promise<Side> {
  const side = await startForewarnSide({ gateways, probes: 1 })
  const passwords = new Map(Object.entries(side.secrets.gateways).map(([id, { password }]) => [id, password]))
  return { name: 'Forewarn', mqttPort: side.mqttPort, pids: [side.pid], passwords, count: side.count, stop: side.stop }
}

async function stockSide(): Promise<Side> {
  const side = await startStockPipeline()
  const { mosquitto, ingest, influxd } = side.pids
  const pids = [mosquitto, ingest, influxd]
  return { name: 'stock', mqttPort: side.mqttPort, pids, passwords: new Map(), count: side.count, stop: side.stop }
}

/** Runs the generator as a process of its own; `onOpen` is told once every gateway is connected. */
async function load(plan: LoadPlan, onOpen: () => Promise<void>): Promise<LoadResult> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'load-main.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify(plan))
  let result = emptyResult()
  for await (const line of createInterface({ input: child.stdout })) {
    const said: unknown = JSON.parse(line)
    if (said === 'open') await onOpen()
    // The generator is ours, and writes what mqtt-load.ts declares.
    else result = Object.assign(result, said)
  }
  return result
}

function emptyResult(): LoadResult {
  const none = Number.NaN
  return {
    sentReadings: 0,
    acknowledgedReadings: 0,
    seconds: 0,
    pubackP50Ms: none,
    pubackP99Ms: none,
    pubackMaxMs: none,
    heldBack: 0,
  }
}

async function sum(values: Promise<number>[]): Promise<number> {
  return (await Promise.all(values)).reduce((total, value) => total + value, 0)
}

/** Rows stop growing: what is in the store then is all that will be. */
async function settledCount(side: Side): Promise<number> {
  let before = -1
  let now = await side.count()
  while (now !== before) {
    before = now
    await wait(1500)
    now = await side.count()
  }
  return now
}

async function measure(side: Side, { batch, rate }: Cell) {
  const before = await settledCount(side)
  let cpuBefore = 0
  const plan = {
    host: '127.0.0.1',
    port: side.mqttPort,
    gateways: loadGateways(gateways, id => side.passwords.get(id) ?? ''),
    readingsPerBatch: batch,
    readingsPerSecond: rate,
    seconds: Number(flags.seconds),
  }
  const result = await load(plan, async () => {
    cpuBefore = await sum(side.pids.map(cpuSeconds))
  })
  const stored = (await settledCount(side)) - before
  const cpu = (await sum(side.pids.map(cpuSeconds))) - cpuBefore
  return {
    side: side.name,
    'readings/message': batch,
    'wanted/s': rate,
    'sent/s': Math.round(result.sentReadings / result.seconds),
    'PUBACK p50 ms': Number(result.pubackP50Ms.toFixed(1)),
    'PUBACK p99 ms': Number(result.pubackP99Ms.toFixed(1)),
    acknowledged: result.acknowledgedReadings,
    'stored of them': stored,
    'CPU s/million': Number(((cpu / result.acknowledgedReadings) * 1e6).toFixed(2)),
    'RSS MB': Math.round(await sum(side.pids.map(residentMb))),
  }
}

const rows: Awaited<ReturnType<typeof measure>>[] = []
const missing = await missingPrograms()
for (const start of missing.length === 0 ? [forewarnSide, stockSide] : [forewarnSide]) {
  const side = await start()
  // The first pass fills caches and, in InfluxDB, makes the series: it is not counted.
  await measure(side, { batch: 100, rate: gateways * sensorsPerGateway * 0.5 })
  for (const cell of cells) rows.push(await measure(side, cell))
  await side.stop()
}
console.table(rows)
if (missing.length > 0) console.log(`the stock pipeline was not measured: ${missing.join(', ')} missing`)
process.exit(0)
