/**
 * `npm run bench -- warning`: how long from a published reading to its warning at the console, idle and with a load
 * beside it. Flags: --probes 60 --load 0,100000
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { topicOf } from '@forewarn/contracts/topics'
import { connectAsync } from 'mqtt'
import { loadGateways, probeGateway } from './bench-district.ts'
import { type ForewarnSide, startForewarnSide } from './forewarn-side.ts'

const { values: flags } = parseArgs({
  options: { probes: { type: 'string', default: '60' }, load: { type: 'string', default: '0,100000' } },
})
const probes = Number(flags.probes)
const gateways = 1000
const pauseMs = 200

/** Tells each place whose warning reaches an open console page. */
async function watchWarnings(side: ForewarnSide, seen: (placeId: string) => void): Promise<void> {
  const headers = { authorization: `Bearer ${side.secrets.innerToken}` }
  const answer = await fetch(`${side.consoleUrl}/api/events`, { headers })
  let rest = ''
  void (async () => {
    for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (rest + chunk).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const place of blocks.join('\n').matchAll(/"placeId":"(hall-\d+)"/g)) seen(place[1] ?? '')
    }
    // The house stops first: the stream then ends with an error that says nothing.
  })().catch(() => undefined)
}

function startLoad(side: ForewarnSide, readingsPerSecond: number) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'load-main.ts')], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const load = loadGateways(gateways, id => side.secrets.gateways[id]?.password ?? '')
  const seconds = (probes * pauseMs) / 1000 + 2
  const plan = {
    host: '127.0.0.1',
    port: side.mqttPort,
    gateways: load,
    format: 'senml',
    readingsPerBatch: 100,
    readingsPerSecond,
    seconds,
  }
  child.stdin.end(JSON.stringify(plan))
  return once(child, 'exit')
}

async function measure(readingsPerSecond: number) {
  const side = await startForewarnSide({ gateways, probes })
  const sentAtMs = new Map<string, number>()
  const tookMs: number[] = []
  const done = Promise.withResolvers<void>()
  await watchWarnings(side, place => {
    const sent = sentAtMs.get(place)
    if (sent === undefined || !sentAtMs.delete(place)) return
    tookMs.push(performance.now() - sent)
    if (tookMs.length === probes) done.resolve()
  })
  const ended = readingsPerSecond > 0 ? startLoad(side, readingsPerSecond) : undefined
  const password = side.secrets.gateways[probeGateway]?.password ?? ''
  const client = await connectAsync(`mqtt://127.0.0.1:${side.mqttPort}`, {
    username: probeGateway,
    clientId: probeGateway,
    password,
  })
  const topic = topicOf({ district: 'bench', gateway: probeGateway, channel: 'readings' })
  for (let at = 0; at < probes; at++) {
    sentAtMs.set(`hall-${at}`, performance.now())
    client.publish(
      topic,
      JSON.stringify([{ n: `probe-${at}`, v: 12, bt: (performance.timeOrigin + performance.now()) / 1000 }]),
      { qos: 1 },
    )
    await new Promise(resolve => setTimeout(resolve, pauseMs))
  }
  await Promise.race([done.promise, new Promise(resolve => setTimeout(resolve, 15_000))])
  await client.endAsync(true)
  await ended
  const verdicts = await fetch(`${side.consoleUrl}/metrics`, {
    headers: { authorization: `Bearer ${side.secrets.innerToken}` },
  }).then(answer => answer.text())
  await side.stop()
  tookMs.sort((a, b) => a - b)
  const at = (share: number) =>
    Math.round(tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * share))] ?? Number.NaN)
  return {
    'load, readings/s': readingsPerSecond,
    warnings: `${tookMs.length} of ${probes}`,
    'reading → console p50 ms': at(0.5),
    'p99 ms': at(0.99),
    'max ms': at(1),
    'reading → verdict p50 ms': quantileOf(verdicts, 0.5),
    'verdict p99 ms': quantileOf(verdicts, 0.99),
  }
}

/** Upper bound of the histogram bucket (Prometheus text) that holds the quantile, ms. */
function quantileOf(text: string, share: number): number {
  const buckets = [...text.matchAll(/forewarn_reading_to_verdict_seconds_bucket\{le="([^"]+)"\} (\d+)/g)]
  const total = Number(buckets.at(-1)?.[2] ?? 0)
  const bucket = buckets.find(([, , count]) => Number(count) >= total * share)
  return Number(bucket?.[1] ?? Number.NaN) * 1000
}

const rows: Awaited<ReturnType<typeof measure>>[] = []
for (const load of flags.load.split(',')) rows.push(await measure(Number(load)))
console.table(rows)
process.exit(0)
