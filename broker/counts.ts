/**
 * What the broker counts.
 */
import type { Metrics } from '@forewarn/runtime/metrics'

export interface BrokerCounts {
  /** A message is kept, and its PUBACK goes out after `tookMs` on the wall clock. */
  accepted(tookMs: number): void
  notKept(): void
  /** A connection was refused or cut. */
  refused(reason: string): void
  subscriptionRefused(): void
  deliveryDropped(): void
  queueOverflowed(): void
  retainedRefused(): void
  /** Reading from a connection stopped for a while. */
  slowed(reason: 'publishes-too-fast' | 'too-many-under-way'): void
  sessionsExpired(count: number): void
  connected(clients: number): void
  holding(figures: Holding): void
}

/** What the broker holds in memory for its clients. */
export interface Holding {
  readonly connections: number
  readonly sessions: number
  readonly queuedBytes: number
  readonly retained: number
  readonly retainedBytes: number
}

const pubackBucketsS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** The counters and gauges of one broker, under `forewarn_broker_…`. */
export function brokerCounts(metrics: Metrics): BrokerCounts {
  const counter = (name: string, help: string) => metrics.counter(`forewarn_broker_${name}_total`, help)
  const gauge = (name: string, help: string) => metrics.gauge(`forewarn_broker_${name}`, help)
  const puback = metrics.histogram(
    'forewarn_broker_puback_seconds',
    'From a publish read to its acknowledgement allowed: how long it took to keep it',
    pubackBucketsS,
  )
  const refused = metrics.counter('forewarn_broker_refused_total', 'Connections refused or cut, by reason', ['reason'])
  const slowed = metrics.counter('forewarn_broker_slowed_total', 'Times a connection was not read for a while', [
    'reason',
  ])
  const notKept = counter('not_kept', 'Messages that could not be kept and come again')
  const filters = counter('subscriptions_refused', 'Subscriptions refused')
  const dropped = counter('deliveries_dropped', 'QoS 0 messages not sent to a subscriber that does not read')
  const overflowed = counter('queue_overflows', 'Messages dropped because too many wait for a client')
  const retainedRefused = counter('retained_refused', 'Retained messages not kept because there are too many')
  const expired = counter('sessions_expired', 'Kept sessions forgotten because their client stayed away')
  const clients = gauge('clients', 'Clients connected')
  const connections = gauge('connections', 'Connections open, logged in or not')
  const sessions = gauge('sessions', 'Sessions kept')
  const queuedBytes = gauge('queued_bytes', 'Bytes that wait for clients or for their acknowledgement')
  const retained = gauge('retained', 'Retained messages')
  const retainedBytes = gauge('retained_bytes', 'Bytes of retained messages')
  return {
    accepted: tookMs => puback.observe(tookMs / 1000),
    notKept: () => notKept.inc(),
    refused: reason => refused.inc({ reason }),
    subscriptionRefused: () => filters.inc(),
    deliveryDropped: () => dropped.inc(),
    queueOverflowed: () => overflowed.inc(),
    retainedRefused: () => retainedRefused.inc(),
    slowed: reason => slowed.inc({ reason }),
    sessionsExpired: count => expired.inc(count),
    connected: count => clients.set(count),
    holding(figures) {
      connections.set(figures.connections)
      sessions.set(figures.sessions)
      queuedBytes.set(figures.queuedBytes)
      retained.set(figures.retained)
      retainedBytes.set(figures.retainedBytes)
    },
  }
}
