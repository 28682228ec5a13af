/**
 * `npm run bench -- ingest [--quick]`: readings a second from the gateway to the disk, and what they cost. The house on
 * its embedded store, the house on InfluxDB and the stock pipeline, one after the other in the same run: first at a
 * steady rate that all can bear, then faster and faster until something is lost or falls behind.
 * Flags: --quick (some 2 minutes), --gateways 5000, --seconds 8, --sides embedded,influx,stock, --only steady|ceiling
 */
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { cpuSeconds, residentMb } from './process-figures.ts'
import { type LoadShape, load, type Side, type SideName, settledCount, startSide } from './sides.ts'
import { missingPrograms } from './stock-pipeline.ts'

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    gateways: { type: 'string' },
    seconds: { type: 'string' },
    sides: { type: 'string' },
    only: { type: 'string' },
  },
})
const gateways = Number(flags.gateways ?? (flags.quick ? 1000 : 5000))
const seconds = Number(flags.seconds ?? (flags.quick ? 4 : 8))

type Format = LoadShape['format']

interface Cell {
  readonly format: Format
  readonly batch: number
  readonly connections: number
  readonly rate: number
}

const cell = (format: Format, batch: number, connections: number, rate: number): Cell => ({
  format,
  batch,
  connections,
  rate,
})
const many = Math.min(5000, gateways)

const steadyCells: readonly Cell[] = flags.quick
  ? [cell('senml', 100, 500, 100_000), cell('senml', 1, 500, 10_000), cell('columns', 500, 500, 100_000)]
  : [
      cell('senml', 100, many, 100_000),
      cell('senml', 100, 500, 100_000),
      cell('senml', 100, 50, 100_000),
      cell('senml', 500, 500, 100_000),
      cell('senml', 10, 500, 50_000),
      cell('senml', 1, 500, 10_000),
      cell('columns', 100, 500, 100_000),
      cell('columns', 500, many, 100_000),
      cell('columns', 500, 500, 100_000),
    ]

interface Climb {
  readonly format: Format
  readonly batch: number
  readonly connections: number
  /** Readings a second, tried one after the other while all goes well. */
  readonly rates: readonly number[]
}

const k = 1000
const climbs: readonly Climb[] = flags.quick
  ? [
      { format: 'senml', batch: 100, connections: 500, rates: [200 * k, 400 * k, 500 * k] },
      { format: 'columns', batch: 500, connections: 500, rates: [500 * k, 1000 * k] },
    ]
  : [
      {
        format: 'senml',
        batch: 100,
        connections: many,
        rates: [130, 160, 200, 300, 400, 500, 600].map(rate => rate * k),
      },
      { format: 'senml', batch: 1, connections: 500, rates: [20, 30, 40, 50].map(rate => rate * k) },
      { format: 'columns', batch: 500, connections: 500, rates: [500, 1000, 1300].map(rate => rate * k) },
    ]

async function sum(values: Promise<number>[]): Promise<number> {
  return (await Promise.all(values)).reduce((total, value) => total + value, 0)
}

/** What the last readings may take into the store before CPU is counted, ms: the same for every side. */
const drainMs = 2500

async function measure(side: Side, { format, batch, connections, rate }: Cell) {
  const sinceMs = performance.timeOrigin + performance.now()
  await side.count(sinceMs)
  let cpuBefore = 0
  const shape: LoadShape = { format, readingsPerBatch: batch, readingsPerSecond: rate, seconds, connections }
  const result = await load(side, shape, async () => {
    cpuBefore = await sum(side.pids().map(cpuSeconds))
  })
  const endedMs = performance.now()
  await wait(drainMs)
  const cpu = (await sum(side.pids().map(cpuSeconds))) - cpuBefore
  const acknowledged = result.acknowledgedReadings
  const stored = await settledCount(side, sinceMs, acknowledged)
  const storedAfterS = (performance.now() - endedMs) / 1000
  return {
    side: side.name,
    format,
    batch,
    connections,
    'wanted/s': rate,
    'sent/s': Math.round(result.sentReadings / result.seconds),
    'PUBACK p50 ms': Number(result.pubackP50Ms.toFixed(1)),
    'p99 ms': Number(result.pubackP99Ms.toFixed(1)),
    acknowledged,
    lost: Math.max(0, acknowledged - stored),
    'stored after s': Number(storedAfterS.toFixed(1)),
    'CPU s/M': Number(((cpu / acknowledged) * 1e6).toFixed(2)),
    'RSS MB': Math.round(await sum(side.pids().map(residentMb))),
  }
}

type Row = Awaited<ReturnType<typeof measure>>

/** Longer than this behind the last PUBLISH, and the rate is one that only a queue in memory or on disk can take, s. */
const keptUpS = 5

/** Nothing acknowledged is missing, the sender was hardly held back, and the store kept up. */
function wentWell(row: Row): boolean {
  const isTaken = row['sent/s'] >= 0.97 * row['wanted/s'] && row['p99 ms'] <= 2000
  return row.lost === 0 && isTaken && row['stored after s'] <= keptUpS
}

/** Faster and faster; the last rate that went well, and what the next one came to. */
async function climb(side: Side, { rates, ...rest }: Climb) {
  let best: Row | undefined
  let beyond: Row | undefined
  for (const rate of rates) {
    const row = await measure(side, { ...rest, rate })
    if (!wentWell(row)) {
      beyond = row
      break
    }
    best = row
  }
  return {
    side: side.name,
    format: rest.format,
    batch: rest.batch,
    connections: rest.connections,
    'no-loss/s': best?.['wanted/s'] ?? `below ${rates[0]}`,
    'PUBACK p50 ms': best?.['PUBACK p50 ms'],
    'p99 ms': best?.['p99 ms'],
    'CPU s/M': best?.['CPU s/M'],
    'then wanted/s': beyond?.['wanted/s'] ?? '(not tried)',
    'sent/s': beyond?.['sent/s'],
    'lost of it': beyond?.lost,
    'its p99 ms': beyond?.['p99 ms'],
    'stored after s': beyond?.['stored after s'],
  }
}

const sides: Record<string, SideName> = {
  embedded: 'Forewarn, embedded',
  influx: 'Forewarn, InfluxDB',
  stock: 'stock, InfluxDB',
}

async function chosenSides(): Promise<SideName[]> {
  const missing = await missingPrograms()
  if (missing.length > 0) console.log(`only the embedded store is measured: ${missing.join(', ')} missing`)
  const wanted = (flags.sides ?? (flags.quick ? 'embedded,stock' : 'embedded,influx,stock')).split(',')
  return wanted.flatMap(name =>
    sides[name] === undefined || (missing.length > 0 && name !== 'embedded') ? [] : [sides[name]],
  )
}

const steady: Row[] = []
const ceilings: Awaited<ReturnType<typeof climb>>[] = []
for (const name of await chosenSides()) {
  const side = await startSide(name, gateways)
  // The peer reads SenML only.
  const reads = (format: Format) => format === 'senml' || side.house !== undefined
  // The first pass fills caches and, in InfluxDB, makes the series: it is not counted.
  await measure(side, cell('senml', 100, many, Math.min(100_000, (gateways * 100) / seconds)))
  if (flags.only !== 'ceiling')
    for (const one of steadyCells) if (reads(one.format)) steady.push(await measure(side, one))
  if (flags.only !== 'steady') for (const one of climbs) if (reads(one.format)) ceilings.push(await climb(side, one))
  await side.stop()
}
console.log(`\n${gateways} gateways, ${gateways * 100} sensors; ${seconds} s a cell`)
if (steady.length > 0) console.table(steady)
if (ceilings.length > 0) {
  console.log(
    '\nFaster and faster, until something is lost, the sender is held back, a PUBACK takes 2 s, or the store is 5 s behind:',
  )
  console.table(ceilings)
}
process.exit(0)
