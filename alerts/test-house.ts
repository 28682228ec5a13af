/** A small district with its own database and broker, for the tests of `alerts`. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { AlertsEvent, type Command, CommandAnswer, WarningsSnapshot } from '@forewarn/contracts/alerts-api'
import { District } from '@forewarn/contracts/district'
import { type EpisodeEvent, episodeJobId, episodesQueue } from '@forewarn/contracts/episode'
import type { RoadGraph } from '@forewarn/contracts/geography'
import { ProcessHealth } from '@forewarn/contracts/health'
import { OrderMessage, type ProgressMessage } from '@forewarn/contracts/order'
import type { Warning } from '@forewarn/contracts/warning'
import { type Clock, drillClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { openQueue } from '@forewarn/runtime/queue'
import { Aedes } from 'aedes'
import { connectAsync } from 'mqtt'
import { startAlerts } from './start.ts'

export const startMs = Date.UTC(2026, 6, 21, 14)
export const innerToken = 'inner-token-of-a-test'
export const plansDir = new URL('./plans', import.meta.url).pathname

const at = (lon: number, lat: number) => ({ lon, lat, crs: 'WGS-84' as const })
const text = (en: string) => ({ zh: en, en })

function place(id: string, lon: number) {
  const stagingPoints = [{ id: `${id}-dry`, name: text('dry'), position: at(lon, 31.231) }]
  return { id, kind: 'underpass', name: text(id), position: at(lon, 31.23), limits: { closed: 0.25 }, stagingPoints }
}

function truck(id: string, lon: number) {
  return { id, kind: 'pump-truck', name: text(id), gateway: `gw-${id}`, crew: 3, base: at(lon, 31.23) }
}

function depthGauge(placeId: string) {
  const watches = { quantity: 'water_depth', gateway: `gw-${placeId}`, place: placeId }
  return { id: `depth-${placeId}`, ...watches, position: at(121.45, 31.23), periodS: 60 }
}

export const district = District.parse({
  id: 'jingan',
  name: text('Jing’an'),
  timeZone: 'Asia/Shanghai',
  gateways: [
    { id: 'gw-p1', kind: 'vehicle' },
    { id: 'gw-p2', kind: 'vehicle' },
    ...['west', 'east', 'far'].map(id => ({ id: `gw-${id}`, kind: 'field' })),
  ],
  sensors: ['west', 'east', 'far'].map(depthGauge),
  places: [place('west', 121.45), place('east', 121.47), place('far', 121.49)],
  units: [truck('p1', 121.451), truck('p2', 121.471)],
})

/** One straight road through all places, both ways, a node every 0.005 degrees (some 477 m). */
export const roadGraph: RoadGraph = {
  nodes: Array.from({ length: 11 }, (_, i) => ({ id: `n${i}`, lon: 121.445 + i * 0.005, lat: 31.2305 })),
  edges: Array.from({ length: 10 }, (_, i) => [
    { from: `n${i}`, to: `n${i + 1}`, lengthM: 477, speedKmPerHour: 30 },
    { from: `n${i + 1}`, to: `n${i}`, lengthM: 477, speedKmPerHour: 30 },
  ]).flat(),
}

type Raised = Extract<EpisodeEvent, { kind: 'raised' }>

/** An orange warning of water at `west`, expected in 20 minutes; `changes` win. */
export function raised(changes: Partial<Raised> = {}): Raised {
  const atMs = changes.atMs ?? startMs
  return {
    kind: 'raised',
    episodeId: `west.waterlogging.${startMs}`,
    step: 0,
    atMs,
    mode: 'exercise',
    placeId: 'west',
    hazard: 'waterlogging',
    level: 'orange',
    rule: 'underpass-forecast',
    ruleVersion: '1',
    title: text('Water coming'),
    plan: 'pump-truck',
    urgency: 'Expected',
    severity: 'Severe',
    certainty: 'Likely',
    expectedAtMs: { p10: atMs + 15 * 60_000, p50: atMs + 20 * 60_000, p90: atMs + 40 * 60_000 },
    probability: 0.78,
    evidence: { condition: 'probability >= 0.6', readings: [], reason: text('it rains') },
    retrospective: false,
    ...changes,
  }
}

export interface TestBroker {
  readonly url: string
  readonly orders: OrderMessage[]
  report(progress: ProgressMessage): Promise<void>
  /** Resolves once `fits` holds for the orders that arrived. */
  until(fits: (orders: readonly OrderMessage[]) => boolean): Promise<void>
  stop(): Promise<void>
}

/** A real Aedes, and a client that stands for all trucks. */
export async function startTestBroker(): Promise<TestBroker> {
  const aedes = await Aedes.createBroker({ concurrency: 0 })
  const server = createServer(aedes.handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const url = `mqtt://127.0.0.1:${address.port}`
  const trucks = await connectAsync(url)
  const orders: OrderMessage[] = []
  const arrived = new EventTarget()
  trucks.on('message', (_topic, payload) => {
    orders.push(OrderMessage.parse(JSON.parse(payload.toString())))
    arrived.dispatchEvent(new Event('order'))
  })
  await trucks.subscribeAsync('fw/1/jingan/+/orders', { qos: 1 })
  return {
    url,
    orders,
    async report(progress) {
      await trucks.publishAsync(`fw/1/jingan/gw-${progress.unitId}/progress`, JSON.stringify(progress), { qos: 1 })
    },
    async until(fits) {
      while (!fits(orders)) await once(arrived, 'order')
    },
    async stop() {
      await trucks.endAsync(true)
      await new Promise<void>(resolve => aedes.close(resolve))
      await new Promise<void>(resolve => server.close(() => resolve()))
    },
  }
}

function fastClock(): Clock {
  const clock = drillClock({ startMs, speed: 600 })
  clock.release()
  return clock
}

export type TestHouse = Awaited<ReturnType<typeof startTestHouse>>

/** `alerts` on the given database; the clock runs 600 times as fast, so a minute lasts 0.1 s. */
export async function startTestHouse({
  databaseUrl,
  broker,
  clock = fastClock(),
  ingestUrl,
}: {
  databaseUrl: string
  broker: TestBroker
  clock?: Clock
  ingestUrl?: string
}) {
  const queue = { kind: 'postgres', url: databaseUrl } as const
  const metrics = createMetrics()
  const alerts = await startAlerts({
    ...{ district, roadGraph, plansDir, databaseUrl, queue, clock, metrics, innerToken },
    broker: { url: broker.url, username: 'alerts', password: 'secret' },
    log: silentLog(),
    mode: 'exercise',
    ...(ingestUrl === undefined ? {} : { ingestUrl }),
  })
  const episodes = await openQueue({ name: episodesQueue, backend: queue })
  const ask = askWith(alerts.url)
  const snapshot = async () => WarningsSnapshot.parse(await (await ask('/warnings')).json())
  const events = await followEvents(ask)
  return {
    url: alerts.url,
    clock,
    metrics,
    episodes,
    ask,
    snapshot,
    say: (...said: EpisodeEvent[]) =>
      episodes.add(said.map(event => ({ jobId: episodeJobId(event), name: event.kind, data: event }))),
    async command(command: Command) {
      const headers = { 'content-type': 'application/json' }
      const response = await ask('/commands', { method: 'POST', body: JSON.stringify(command), headers })
      return { status: response.status, answer: CommandAnswer.parse(await response.json()) }
    },
    /** Resolves with the warning once an event shows it as wanted. */
    until: (id: string, fits: (warning: Warning) => boolean) => events.until(id, fits),
    events: events.seen,
    /** Local alarms that no warning shows. */
    async waitingAlarms() {
      const { figures } = ProcessHealth.parse(await (await ask('/health')).json())
      return figures['local_alarms_without_warning']
    },
    async stop() {
      events.stop()
      await episodes.close()
      await alerts.stop()
    },
  }
}

/** Asks an alerts process with the inner token. */
export function askWith(url: string) {
  return (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers)
    headers.set('authorization', `Bearer ${innerToken}`)
    return fetch(url + path, { ...init, headers })
  }
}

/** Reads server-sent events as the console does, from the first one on. */
export async function followEvents(ask: (path: string, init?: RequestInit) => Promise<Response>) {
  const stopping = new AbortController()
  const seen: AlertsEvent[] = []
  const arrived = new EventTarget()
  const response = await ask('/events', { headers: { 'last-event-id': '0' }, signal: stopping.signal })
  const read = async () => {
    let text = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const data = block.match(/^data: (.*)$/m)?.[1]
        if (data === undefined) continue
        seen.push(AlertsEvent.parse(JSON.parse(data)))
        arrived.dispatchEvent(new Event('event'))
      }
    }
  }
  // Ended by the abort at the end of the test.
  read().catch(() => undefined)
  const latest = (id: string) => {
    const event = seen.findLast(one => one.type === 'warning' && one.warning.id === id)
    return event?.type === 'warning' ? event.warning : undefined
  }
  return {
    seen,
    stop: () => stopping.abort(),
    /** Resolves once so many different warnings were seen. */
    async untilWarnings(wanted: number): Promise<void> {
      const ids = () => new Set(seen.flatMap(event => (event.type === 'warning' ? [event.warning.id] : [])))
      while (ids().size < wanted) await once(arrived, 'event')
    },
    async until(id: string, fits: (warning: Warning) => boolean): Promise<Warning> {
      for (;;) {
        const warning = latest(id)
        if (warning && fits(warning)) return warning
        await once(arrived, 'event')
      }
    },
  }
}
