/**
 * Starts the agent that runs beside the gateways: sources → outbox on disk → MQTT. A reading that a source was told
 * was taken reaches the house, however often the uplink or the process goes away in between.
 */
import { join } from 'node:path'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import type { EmergencyRule } from './emergency.ts'
import { type Line, openLine, type SourceSteering } from './line.ts'
import type { OutboxLimits, OutboxStatus } from './outbox/outbox.ts'
import { type Outputs, openSwitchboard, type Switchboard } from './outputs.ts'
import { openPushPace } from './push-pace.ts'
import { startPushSource } from './push-source.ts'
import { openSources, type ProfileStatus } from './sources/start-sources.ts'
import type { BrokerTls } from './uplink/tls-files.ts'
import type { UplinkGateway } from './uplink/uplink.ts'
import type { Wording } from './uplink/wording.ts'

/** One gateway that the agent stands in for. What is absent is as for all. */
export interface AgentGateway extends UplinkGateway, Partial<Wording> {
  readonly emergencyRules?: readonly EmergencyRule[]
}

export interface EdgeAgentOptions {
  readonly districtId: string
  readonly gateways: readonly AgentGateway[]
  readonly brokerUrl: string
  readonly tls?: BrokerTls
  /** Holds one outbox folder per gateway. */
  readonly dataDir: string
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly push: { readonly host: string; readonly port: number; readonly token: string }
  /** Device profiles (`*.yaml`), one field source each; see sources/README.md. None unless given. */
  readonly profilesDir?: string | undefined
  /** Of each outbox; 64 MB and 14 days unless given. */
  readonly outbox?: Partial<OutboxLimits>
  /** What emergency rules may switch, and nothing else. */
  readonly outputs?: Outputs
  /** How long a configuration from afar is on trial; 5 minutes unless given. */
  readonly configurationTrialMs?: number
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
  /** The field sources, by their profiles. */
  sources(): readonly ProfileStatus[]
  /** Takes nothing more, says good-bye to the broker, closes the outboxes. */
  stop(): Promise<void>
}

const software = 'forewarn-edge-agent/0.1.0'
const defaultTrialMs = 5 * 60_000

/** Resolves once the push source listens; the broker may come later. Rejects when a folder or port cannot be had. */
export async function startEdgeAgent(options: EdgeAgentOptions): Promise<EdgeAgent> {
  const { clock, log, push } = options
  const counters = countersOf(options.metrics)
  const switchboard = openSwitchboard(options.outputs ?? {}, { log })
  const lines: Line[] = []
  const { profilesDir, dataDir, gateways, metrics } = options
  const sources = openSources({ profilesDir, dataDir, gateways: gateways.map(({ id }) => id), clock, log, metrics })
  const pace = openPushPace(clock)
  const onStanding = () => switchboard.want(new Set(lines.flatMap(line => line.outputsWanted())))
  const opened = options.gateways.map(gateway =>
    openOne(gateway, { options, counters, onStanding, steering: pace.alongside(sources.steering(gateway.id)) }),
  )
  for (const line of await Promise.all(opened)) lines.push(line)
  // Alarms that stood when the last life ended.
  onStanding()
  const outboxes = new Map(lines.map(({ id, outbox }) => [id, outbox]))
  const source = await startPushSource({
    ...push,
    outboxes,
    clock,
    log,
    samplingS: sensor => pace.samplingS(sensor),
    onTaken: (_gateway, readings) => counters.taken.inc(readings),
    onRefused: (_gateway, reason) => counters.refused.inc({ reason }),
  }).catch(async error => {
    await closeAll(lines, switchboard)
    throw new Error(`listen for pushes on ${push.host}:${push.port}`, { cause: error })
  })
  await sources.begin(async (gateway, readings, how) => {
    const outbox = outboxes.get(gateway)
    if (outbox === undefined) throw new Error(`no gateway ${gateway} here`)
    await outbox.append(readings, how)
    counters.taken.inc(readings.length)
  })
  return {
    pushUrl: source.url,
    sources: () => sources.status(),
    status: () => lines.map(({ id, connected, outbox }) => ({ id, connected, ...outbox.status() })),
    stop: async () => {
      pace.stop()
      await Promise.all([source.stop(), sources.stop()])
      await closeAll(lines, switchboard)
    },
  }
}

interface Around {
  readonly options: EdgeAgentOptions
  readonly counters: Counters
  readonly onStanding: () => void
  readonly steering?: SourceSteering
}

function openOne(gateway: AgentGateway, { options, counters, onStanding, steering }: Around): Promise<Line> {
  const { districtId, brokerUrl, tls, dataDir, clock, log, outputs = {} } = options
  return openLine({
    ...{ districtId, gateway, brokerUrl, tls, clock, log, software, onStanding, steering },
    dir: join(dataDir, gateway.id),
    wording: { format: gateway.format ?? 'senml', metered: gateway.metered ?? false },
    limits: options.outbox ?? {},
    emergencyRules: gateway.emergencyRules ?? [],
    outputs: new Set(Object.keys(outputs)),
    configurationTrialMs: options.configurationTrialMs ?? defaultTrialMs,
    random: options.random ?? Math.random,
    onPublished: readings => counters.published.inc(readings),
    onDropped: (readings, reason) => {
      counters.dropped.inc({ reason }, readings)
      log.error('readings-dropped', { gateway: gateway.id, readings, reason })
    },
  })
}

async function closeAll(lines: readonly Line[], switchboard: Switchboard): Promise<void> {
  switchboard.stop()
  await Promise.all(lines.map(line => line.close()))
}

type Counters = ReturnType<typeof countersOf>

function countersOf(metrics: Metrics) {
  return {
    taken: metrics.counter('forewarn_edge_readings_taken_total', 'readings on disk in an outbox'),
    published: metrics.counter('forewarn_edge_readings_published_total', 'readings the broker acknowledged'),
    dropped: metrics.counter('forewarn_edge_readings_dropped_total', 'readings an outbox dropped, by reason', [
      'reason',
    ]),
    refused: metrics.counter('forewarn_edge_pushes_refused_total', 'pushes or records refused, by reason', ['reason']),
  }
}
