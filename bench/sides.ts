/**
 * The sides of the comparison: the whole house on its embedded store, the whole house on InfluxDB, and the stock
 * pipeline on InfluxDB. One runs at a time.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { loadGateways } from './bench-district.ts'
import { type ForewarnSide, startForewarnSide } from './forewarn-side.ts'
import { type InfluxSide, startInflux } from './influx-side.ts'
import type { LoadPlan, LoadResult } from './mqtt-load.ts'
import { type StockPipeline, startStockPipeline } from './stock-pipeline.ts'

export const sideNames = ['Forewarn, embedded', 'Forewarn, InfluxDB', 'stock, InfluxDB'] as const
export type SideName = (typeof sideNames)[number]

export interface Side {
  readonly name: SideName
  readonly mqttPort: number
  /** Processes whose CPU and memory count. */
  pids(): number[]
  passwordOf(gateway: string): string
  /** Readings stored of those measured since then. */
  count(sinceMs: number): Promise<number>
  stop(): Promise<void>
  readonly house?: ForewarnSide
  readonly stock?: StockPipeline
  readonly influx?: InfluxSide
}

export async function startSide(name: SideName, gateways: number): Promise<Side> {
  if (name === 'Forewarn, embedded') return embeddedSide(gateways)
  const influx = await startInflux()
  return name === 'stock, InfluxDB' ? stockSide(influx) : influxSide(influx, gateways)
}

async function embeddedSide(gateways: number): Promise<Side> {
  const house = await startForewarnSide({ gateways, probes: 1 })
  let countedBefore = 0
  let sinceBeforeMs = 0
  return {
    name: 'Forewarn, embedded',
    mqttPort: house.mqttPort,
    pids: () => [house.pid()],
    passwordOf: id => house.secrets.gateways[id]?.password ?? '',
    // The house counts what it has stored since its start: asked for a new beginning, what was there before counts no more.
    async count(sinceMs) {
      const stored = await house.count()
      if (sinceMs !== sinceBeforeMs) {
        sinceBeforeMs = sinceMs
        countedBefore = stored
      }
      return stored - countedBefore
    },
    stop: () => house.stop(),
    house,
  }
}

async function influxSide(influx: InfluxSide, gateways: number): Promise<Side> {
  const house = await startForewarnSide({ gateways, probes: 1, influxUrl: influx.url })
  return {
    name: 'Forewarn, InfluxDB',
    mqttPort: house.mqttPort,
    pids: () => [house.pid(), influx.pid()],
    passwordOf: id => house.secrets.gateways[id]?.password ?? '',
    count: influx.count,
    async stop() {
      await house.stop()
      await influx.stop()
    },
    house,
    influx,
  }
}

async function stockSide(influx: InfluxSide): Promise<Side> {
  const stock = await startStockPipeline(influx)
  return {
    name: 'stock, InfluxDB',
    mqttPort: stock.mqttPort,
    pids: () => stock.pids(),
    passwordOf: () => '',
    count: influx.count,
    async stop() {
      await stock.stop()
      await influx.stop()
    },
    stock,
    influx,
  }
}

export type LoadShape = Pick<
  LoadPlan,
  'format' | 'readingsPerBatch' | 'readingsPerSecond' | 'seconds' | 'patienceS'
> & {
  readonly connections: number
}

/** Runs the generator as a process of its own; `onOpen` is told once every gateway is connected. */
export async function load(
  side: Side,
  shape: LoadShape,
  onOpen: () => Promise<void> = async () => {},
): Promise<LoadResult> {
  const { connections, ...rest } = shape
  const gateways = loadGateways(connections, id => side.passwordOf(id))
  const plan: LoadPlan = { host: '127.0.0.1', port: side.mqttPort, gateways, ...rest }
  const child = spawn(process.execPath, ['--max-semi-space-size=64', join(import.meta.dirname, 'load-main.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify(plan))
  let result: LoadResult | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    const said: unknown = JSON.parse(line)
    if (said === 'open') await onOpen()
    // The generator is ours, and writes what mqtt-load.ts declares.
    else result = JSON.parse(line)
  }
  if (result === undefined) throw new Error('the load generator ended without a result')
  return result
}

/** Waits until so many are stored, or until stored readings stop growing: what is there then is all that will be. */
export async function settledCount(side: Side, sinceMs: number, expected: number): Promise<number> {
  let now = await side.count(sinceMs)
  for (let still = 0; still < 6 && now < expected; ) {
    await wait(500)
    const before = now
    now = await side.count(sinceMs)
    still = now === before ? still + 1 : 0
  }
  return now
}
