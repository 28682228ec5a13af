/** Starts `alerts`: takes episodes from the queue, keeps warnings, orders trucks, answers the console. */
import type { District } from '@forewarn/contracts/district'
import { EpisodeEvent, episodesQueue } from '@forewarn/contracts/episode'
import type { RoadGraph } from '@forewarn/contracts/geography'
import type { Check, ProcessHealth } from '@forewarn/contracts/health'
import type { Mode } from '@forewarn/contracts/mode'
import type { Clock } from '@forewarn/runtime/clock'
import { startInnerServer } from '@forewarn/runtime/inner-server'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import { orderlyStop } from '@forewarn/runtime/orderly-stop'
import {
  type JobQueue,
  openQueue,
  openWorker,
  type QueueBackend,
  RefusedJob,
  type WorkerJob,
} from '@forewarn/runtime/queue'
import { z } from 'zod'
import { addRoutes } from './api.ts'
import { type ControlRoom, openControlRoom } from './control-room.ts'
import { type EventStreams, openEventStreams } from './event-stream.ts'
import { type Ledger, openLedger } from './ledger.ts'
import { openAlarmReader } from './local-alarms.ts'
import { addDeadline, type Outbox, openOutbox } from './outbox.ts'
import { loadPlans } from './plan.ts'
import { openRadio, type Radio } from './radio.ts'
import { Deadline, deadlinesQueue } from './records.ts'
import { routesOn } from './routes.ts'
import { openSampling, type Sampling } from './sampling.ts'

export interface AlertsOptions {
  readonly district: District
  readonly roadGraph: RoadGraph
  readonly plansDir: string
  /** postgres://… of a server or of the embedded one. */
  readonly databaseUrl: string
  readonly queue: QueueBackend
  /** The MQTT broker, and the account that may write orders and read progress. */
  readonly broker: { readonly url: string; readonly username: string; readonly password: string }
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly mode: Mode
  readonly innerToken: string
  /** Base of ingest's inner server, for the alarms that gateways raise by themselves; without it none are read. */
  readonly ingestUrl?: string
  readonly host?: string
  /** 0 takes a free one. */
  readonly port?: number
}

export interface Alerts {
  readonly url: string
  stop(): Promise<void>
}

interface Parts {
  readonly ledger: Ledger
  readonly room: ControlRoom
  readonly radio: Radio
  readonly outbox: Outbox
  readonly streams: EventStreams
  readonly episodes: JobQueue
  readonly deadlines: JobQueue
  readonly sampling: Sampling
}

/** Resolves once it takes episodes and answers. Throws when database, queue or broker cannot be reached. */
export async function startAlerts(options: AlertsOptions): Promise<Alerts> {
  const { log, clock, queue } = options
  const stopping = orderlyStop({ log })
  try {
    const parts = await openParts(options, stopping)
    await reconcile(parts, clock)
    const deadlines = await openWorker({
      ...{ name: deadlinesQueue, backend: queue, log, concurrency: 1 },
      perform: async ({ data }) => parts.room.deadline(parsed(Deadline, data)),
    })
    stopping.add('deadline worker', () => deadlines.close())
    const episodes = await openWorker(episodeWorker(options, parts.room))
    stopping.add('episode worker', () => episodes.close())
    const alarms = await readLocalAlarms(options, parts)
    stopping.add('local alarms', () => alarms?.stop())
    const server = await startInnerServer({
      ...{ token: options.innerToken, host: options.host, port: options.port },
      routes: one => addRoutes(one, { ...parts, clock, health: () => healthOf(parts, clock) }),
    })
    stopping.add('http', async () => {
      parts.streams.stop()
      await server.stop()
    })
    log.info('alerts-started', { url: server.url, mode: options.mode })
    return { url: server.url, stop: async () => void (await stopping.stop()) }
  } catch (error) {
    await stopping.stop()
    throw error
  }
}

async function openParts(options: AlertsOptions, stopping: ReturnType<typeof orderlyStop>): Promise<Parts> {
  const { district, queue: backend, clock, log, metrics, mode } = options
  const onTrouble = (error: Error) => log.warn('database-troubled', { reason: error.message })
  const plans = await loadPlans(options.plansDir)
  const ledger = await openLedger({ databaseUrl: options.databaseUrl, onTrouble })
  stopping.add('ledger', () => ledger.close())
  await ledger.prune()
  const episodes = await openQueue({ name: episodesQueue, backend, log })
  stopping.add('episodes queue', () => episodes.close())
  const deadlines = await openQueue({ name: deadlinesQueue, backend, log })
  stopping.add('deadlines queue', () => deadlines.close())
  const streams = openEventStreams({ ledger, log })
  let wakeOutbox = () => {}
  let sampling: Sampling | undefined
  const onCommitted = () => {
    streams.wake()
    wakeOutbox()
    sampling?.wake()
  }
  const findRoute = routesOn(options.roadGraph)
  const room = openControlRoom({ district, plans, findRoute, ledger, clock, mode, onCommitted })
  const gatewayOf = new Map(district.units.map(({ id, gateway }) => [id, gateway]))
  const onProgress = room.progress
  const radio = await openRadio({ districtId: district.id, broker: options.broker, gatewayOf, onProgress, log })
  stopping.add('radio', () => radio.stop())
  const outbox = openOutbox({ ledger, radio, deadlines, clock, log, metrics })
  stopping.add('outbox', () => outbox.stop())
  wakeOutbox = outbox.wake
  sampling = openSampling({ ...{ district, mode, clock, log }, openWarnings: openOnes(ledger), send: radio.command })
  stopping.add('sampling', () => sampling?.stop())
  return { ledger, room, radio, outbox, streams, episodes, deadlines, sampling }
}

function openOnes(ledger: Ledger) {
  return async () => (await ledger.openWarnings()).map(({ warning }) => warning)
}

/** Begins to read the alarms that gateways raised by themselves. */
async function readLocalAlarms({ ingestUrl, innerToken, log }: AlertsOptions, { ledger, room }: Parts) {
  if (ingestUrl === undefined) return undefined
  const { newest: from } = await ledger.localAlarms()
  return openAlarmReader({ ingestUrl, innerToken, log, from, take: kept => room.localAlarm(kept) })
}

/** Deadlines of open warnings that the queue may have lost are added again; those that it has are left alone. */
async function reconcile({ ledger, deadlines, outbox }: Parts, clock: Clock): Promise<void> {
  for (const { warning } of await ledger.openWarnings()) {
    const { id: warningId, escalatesAtMs: dueAtMs } = warning
    if (dueAtMs !== undefined) await addDeadline({ deadlines, clock }, { kind: 'escalation', warningId, dueAtMs })
  }
  for (const { id: orderId, state, vetoUntilMs: dueAtMs } of await ledger.liveOrders()) {
    if (state !== 'reserved' || dueAtMs === undefined) continue
    await addDeadline({ deadlines, clock }, { kind: 'veto', orderId, dueAtMs })
  }
  outbox.wake()
}

// With the queue's pauses some ten minutes: by then what was raised has come or never will.
const patience = 30

function episodeWorker({ queue: backend, log, metrics }: AlertsOptions, room: ControlRoom) {
  const refused = metrics.counter('forewarn_episodes_refused_total', 'episodes that could not be read')
  const taken = metrics.counter('forewarn_episodes_total', 'episodes taken from the queue', ['result'])
  // One at a time: what is said of an episode is said in order.
  return {
    ...{ name: episodesQueue, backend, log, concurrency: 1 },
    onRefused: () => refused.inc(),
    perform: async ({ jobId, data, attempt }: WorkerJob) => {
      const event = parsed(EpisodeEvent, data)
      const result = await room.episode(event)
      taken.inc({ result })
      if (result !== 'too-early') return
      const reason = `${jobId}: nothing was raised for ${event.episodeId}`
      throw attempt < patience ? new Error(reason) : new RefusedJob(reason)
    },
  }
}

/** What is in the job, or the reason why the job can never be done. */
function parsed<Schema extends z.ZodType>(schema: Schema, data: unknown): z.output<Schema> {
  const result = schema.safeParse(data)
  if (result.success) return result.data
  throw new RefusedJob(z.prettifyError(result.error).replaceAll('\n', '; '))
}

async function healthOf({ ledger, radio, outbox, streams, episodes, deadlines }: Parts, clock: Clock) {
  const [open, queued, due, alarms] = await Promise.all([
    ledger.openWarnings(),
    episodes.counts(),
    deadlines.counts(),
    ledger.localAlarms(),
  ])
  const broker: Check = radio.connected()
    ? { name: 'broker', status: 'ok', detail: 'connected; orders go out', remedy: '' }
    : { name: 'broker', status: 'failed', detail: 'no connection: orders wait', remedy: 'see whether the broker runs' }
  const refused = queued['failed'] ?? 0
  const jobs: Check =
    refused === 0
      ? { name: 'episodes', status: 'ok', detail: 'every episode was read', remedy: '' }
      : {
          name: 'episodes',
          status: 'warning',
          detail: `${refused} could not be read`,
          remedy: 'search the log for job-refused: it names the episode and what is wrong with it',
        }
  const health: ProcessHealth = {
    process: 'alerts',
    atMs: clock.nowMs(),
    checks: [{ name: 'database', status: 'ok', detail: 'answers', remedy: '' }, broker, jobs],
    figures: {
      open_warnings: open.length,
      episodes_waiting: queued['waiting'] ?? 0,
      deadlines_pending: due['delayed'] ?? 0,
      deeds_in_hand: outbox.inHand(),
      event_streams: streams.size,
      local_alarms_without_warning: alarms.waiting,
    },
  }
  return health
}
