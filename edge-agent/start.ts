/**
 * Starts the agent that runs beside the gateways: sources → outbox on disk → MQTT. A reading that a source was told
 * was taken reaches the house, however often the uplink or the process goes away in between.
 */
import { join } from 'node:path'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import type { OutboxBatch } from './batch-record.ts'
import { type Outbox, type OutboxStatus, openOutbox } from './outbox.ts'
import { startPushSource } from './push-source.ts'
import { startUplink, type Uplink, type UplinkGateway } from './uplink.ts'

export interface EdgeAgentOptions {
  readonly districtId: string
  readonly gateways: readonly UplinkGateway[]
  readonly brokerUrl: string
  /** Holds one outbox folder per gateway. */
  readonly dataDir: string
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly push: { readonly host: string; readonly port: number; readonly token: string }
  /** Limit of each outbox on disk; 64 MB unless given. */
  readonly outboxMaxBytes?: number
  /** 0 ≤ x < 1, for the jitter of reconnections. */
  readonly random?: () => number
}

export interface GatewayStatus extends OutboxStatus {
  readonly id: string
  readonly connected: boolean
}

export interface EdgeAgent {
  /** Base of the push source: devices post to `{pushUrl}/push/{gateway}`. */
  readonly pushUrl: string
  status(): GatewayStatus[]
  /** Takes nothing more, says good-bye to the broker, closes the outboxes. */
  stop(): Promise<void>
}

/** Resolves once the push source listens; the broker may come later. Rejects when a folder or port cannot be had. */
export async function startEdgeAgent(options: EdgeAgentOptions): Promise<EdgeAgent> {
  const { clock, log, push } = options
  const counters = countersOf(options.metrics)
  const lines = await Promise.all(options.gateways.map(gateway => openLine(gateway, options, counters)))
  const outboxes = new Map(lines.map(({ id, outbox }) => [id, outbox]))
  const source = await startPushSource({
    ...push,
    outboxes,
    clock,
    log,
    onTaken: (_gateway, readings) => counters.taken.inc(readings),
    onRefused: (_gateway, reason) => counters.refused.inc({ reason }),
  }).catch(async error => {
    await Promise.all(lines.map(closeLine))
    throw new Error(`listen for pushes on ${push.host}:${push.port}`, { cause: error })
  })
  return {
    pushUrl: source.url,
    status: () => lines.map(({ id, outbox, uplink }) => ({ id, connected: uplink.connected, ...outbox.status() })),
    stop: async () => {
      await source.stop()
      await Promise.all(lines.map(closeLine))
    },
  }
}

/** One gateway's outbox and uplink. */
interface Line {
  readonly id: string
  readonly outbox: Outbox
  readonly uplink: Uplink
}

async function openLine(gateway: UplinkGateway, options: EdgeAgentOptions, counters: Counters): Promise<Line> {
  const log = options.log.with({ gateway: gateway.id })
  let uplink: Uplink | undefined
  const outbox = await openOutbox({
    dir: join(options.dataDir, gateway.id),
    clock: options.clock,
    ...(options.outboxMaxBytes === undefined ? {} : { maxBytes: options.outboxMaxBytes }),
    onKept: (batch: OutboxBatch) => uplink?.kept(batch),
    onDropped: readings => {
      counters.dropped.inc(readings)
      log.error('outbox-full', { droppedReadings: readings })
    },
    onTrouble: (event, facts) => log.warn(event, facts),
  })
  uplink = startUplink({
    brokerUrl: options.brokerUrl,
    districtId: options.districtId,
    gateway,
    outbox,
    clock: options.clock,
    log: options.log,
    onPublished: readings => counters.published.inc(readings),
    random: options.random ?? Math.random,
  })
  return { id: gateway.id, outbox, uplink }
}

async function closeLine({ outbox, uplink }: Line): Promise<void> {
  await uplink.stop()
  await outbox.close()
}

type Counters = ReturnType<typeof countersOf>

function countersOf(metrics: Metrics) {
  return {
    taken: metrics.counter('forewarn_edge_readings_taken_total', 'readings on disk in an outbox'),
    published: metrics.counter('forewarn_edge_readings_published_total', 'readings the broker acknowledged'),
    dropped: metrics.counter('forewarn_edge_readings_dropped_total', 'readings dropped because an outbox was full'),
    refused: metrics.counter('forewarn_edge_pushes_refused_total', 'pushes or records refused, by reason', ['reason']),
  }
}
