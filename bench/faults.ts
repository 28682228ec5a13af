/**
 * `npm run bench -- faults`: what is acknowledged and what of it is stored, the stock pipeline and the house side by
 * side: InfluxDB gone for 15 s, the ingest killed and started again after 2 s, and one and a half times the ceiling.
 * Flags: --gateways 1000 --rate 50000 --ceiling 500000 (of the house on its embedded store) --stock-ceiling 130000
 * --overload-gateways 5000 (500,000 series are what the peer's ceiling was measured with)
 * --only influx-gone,ingest-killed,overload
 */
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { LoadResult } from './mqtt-load.ts'
import { load, type Side, type SideName, settledCount, startSide } from './sides.ts'
import { missingPrograms } from './stock-pipeline.ts'

const { values: flags } = parseArgs({
  options: {
    gateways: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '50000' },
    ceiling: { type: 'string', default: '500000' },
    'stock-ceiling': { type: 'string', default: '130000' },
    'overload-gateways': { type: 'string', default: '5000' },
    only: { type: 'string', default: 'influx-gone,ingest-killed,overload' },
  },
})
const gateways = Number(flags.gateways)
const rate = Number(flags.rate)

interface Row {
  readonly fault: string
  readonly side: SideName
  readonly acknowledged: number
  readonly stored: number
  readonly lost: string
  readonly 'acknowledged/s': number
  readonly 'PUBACK p99 ms': number
  readonly reconnects: number
}

function row(fault: string, side: Side, result: LoadResult, stored: number): Row {
  const { acknowledgedReadings, reconnects, pubackP99Ms, seconds } = result
  const lost = Math.max(0, acknowledgedReadings - stored)
  return {
    fault,
    side: side.name,
    acknowledged: acknowledgedReadings,
    stored,
    lost: `${lost} (${((100 * lost) / acknowledgedReadings).toFixed(1)} %)`,
    'acknowledged/s': Math.round(acknowledgedReadings / seconds),
    'PUBACK p99 ms': Math.round(pubackP99Ms),
    reconnects,
  }
}

const senml = { format: 'senml', readingsPerBatch: 100, connections: gateways } as const
const now = () => performance.timeOrigin + performance.now()

/** The series exist and the caches are warm before anything breaks. */
async function warmUp(side: Side, connections = gateways): Promise<void> {
  const sinceMs = now()
  await side.count(sinceMs)
  const seconds = Math.max(3, (connections * 100) / rate)
  const { acknowledgedReadings } = await load(side, { ...senml, connections, readingsPerSecond: rate, seconds })
  await settledCount(side, sinceMs, acknowledgedReadings)
}

/** Loads `side` for so long and breaks something meanwhile; how much of what was acknowledged is stored in the end. */
async function under(side: Side, { fault, seconds }: { fault: string; seconds: number }, breakIt: () => Promise<void>) {
  await warmUp(side)
  const sinceMs = now()
  await side.count(sinceMs)
  let broken: Promise<void> | undefined
  const result = await load(side, { ...senml, readingsPerSecond: rate, seconds, patienceS: 60 }, async () => {
    broken = wait(4000).then(breakIt)
  })
  await broken
  return row(fault, side, result, await storedInTheEnd(side, sinceMs, result.acknowledgedReadings))
}

/** A store that was away is tried again later and later: it is given a minute. */
async function storedInTheEnd(side: Side, sinceMs: number, expected: number): Promise<number> {
  let stored = await side.count(sinceMs)
  for (let tries = 0; tries < 30 && stored < expected; tries++) {
    await wait(2000)
    stored = await side.count(sinceMs)
  }
  return stored
}

async function influxGone(name: SideName): Promise<Row> {
  const side = await startSide(name, gateways)
  const found = await under(side, { fault: 'InfluxDB gone for 15 s', seconds: 33 }, async () => {
    await side.influx?.kill()
    await wait(15_000)
    await side.influx?.restart()
  })
  await side.stop()
  return found
}

/** Of the house everything is killed, broker and all: its gateways come back and send again what was not acknowledged. */
async function ingestKilled(name: SideName): Promise<Row> {
  const side = await startSide(name, gateways)
  const { house, stock } = side
  const found = await under(side, { fault: 'ingest killed, back after 2 s', seconds: 20 }, async () => {
    await (house === undefined ? stock?.killIngest() : house.kill())
    await wait(2000)
    await (house === undefined ? stock?.restartIngest() : house.restart())
  })
  await side.stop()
  return found
}

/** The house's ingest counts from its start only: the rows themselves are counted, with the store's own eyes. */
async function ingestKilledEmbedded(): Promise<Row> {
  const side = await startSide('Forewarn, embedded', gateways)
  const { house } = side
  if (house === undefined) throw new Error('the embedded side is a house')
  const results: LoadResult[] = []
  results.push(await load(side, { ...senml, readingsPerSecond: rate, seconds: 3 }))
  const result = await load(side, { ...senml, readingsPerSecond: rate, seconds: 20, patienceS: 60 }, async () => {
    await wait(4000)
    await house.kill()
    await wait(2000)
    await house.restart()
  })
  results.push(result)
  const before = results[0]?.acknowledgedReadings ?? 0
  await wait(5000)
  const rows = await house.stopAndCountRows()
  await side.stop()
  // A message that was sent twice is one row: no more rows than readings sent.
  return row('house killed, back after 2 s', side, result, Math.min(rows - before, result.sentReadings))
}

/** What it takes at its ceiling, and what of it is left when half as much again comes. */
async function overload(name: SideName, ceiling: number): Promise<Row[]> {
  const connections = Number(flags['overload-gateways'])
  const side = await startSide(name, connections)
  await warmUp(side, connections)
  const rows: Row[] = []
  for (const [fault, factor] of [
    ['at the ceiling', 1],
    ['1.5 times the ceiling', 1.5],
  ] as const) {
    const sinceMs = now()
    await side.count(sinceMs)
    const shape = { ...senml, connections, readingsPerSecond: ceiling * factor, seconds: 12, patienceS: 60 }
    const result = await load(side, shape)
    rows.push(row(fault, side, result, await storedInTheEnd(side, sinceMs, result.acknowledgedReadings)))
  }
  await side.stop()
  return rows
}

const missing = await missingPrograms()
const withPeer = missing.length === 0
if (!withPeer) console.log(`only the embedded store is measured: ${missing.join(', ')} missing`)
const rows: Row[] = []
const only = flags.only.split(',')
if (only.includes('influx-gone') && withPeer)
  for (const name of ['stock, InfluxDB', 'Forewarn, InfluxDB'] as const) rows.push(await influxGone(name))
if (only.includes('ingest-killed')) {
  if (withPeer) rows.push(await ingestKilled('stock, InfluxDB'), await ingestKilled('Forewarn, InfluxDB'))
  rows.push(await ingestKilledEmbedded())
}
if (only.includes('overload')) {
  if (withPeer) rows.push(...(await overload('stock, InfluxDB', Number(flags['stock-ceiling']))))
  rows.push(...(await overload('Forewarn, embedded', Number(flags.ceiling))))
}
console.table(rows)
process.exit(0)
