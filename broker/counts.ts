/**
 * What the broker counts.
 */
import type { Metrics } from '@forewarn/runtime/metrics'

export interface BrokerCounts {
  /** A message is kept, and its PUBACK goes out after `tookMs` on the wall clock. */
  accepted(tookMs: number): void
  notKept(): void
  refused(reason: string): void
  subscriptionRefused(): void
  deliveryDropped(): void
  queueOverflowed(): void
  connected(clients: number): void
}

const pubackBucketsS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

export function brokerCounts(metrics: Metrics): BrokerCounts {
  const puback = metrics.histogram(
    'forewarn_broker_puback_seconds',
    'From a publish read to its acknowledgement allowed: how long it took to keep it',
    pubackBucketsS,
  )
  const notKept = metrics.counter('forewarn_broker_not_kept_total', 'Messages that could not be kept and come again')
  const refused = metrics.counter('forewarn_broker_refused_total', 'Connections refused or cut, by reason', ['reason'])
  const filters = metrics.counter('forewarn_broker_subscriptions_refused_total', 'Subscriptions refused')
  const dropped = metrics.counter(
    'forewarn_broker_deliveries_dropped_total',
    'QoS 0 messages not sent to a subscriber that does not read',
  )
  const overflowed = metrics.counter(
    'forewarn_broker_queue_overflows_total',
    'Messages dropped because too many wait for a client that is away',
  )
  const clients = metrics.gauge('forewarn_broker_clients', 'Clients connected')
  return {
    accepted: tookMs => puback.observe(tookMs / 1000),
    notKept: () => notKept.inc(),
    refused: reason => refused.inc({ reason }),
    subscriptionRefused: () => filters.inc(),
    deliveryDropped: () => dropped.inc(),
    queueOverflowed: () => overflowed.inc(),
    connected: count => clients.set(count),
  }
}
