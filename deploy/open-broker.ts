/**
 * The broker alone and open to everybody, for conformance suites and for trying clients out. Nothing is kept, and no
 * district stands behind it.
 */
import { type Broker, startBroker } from '@forewarn/broker/start'
import { liveClock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { naming } from './start-error.ts'

/** Starts it on this machine only. Throws StartError when the port is taken. */
export function startOpenBroker({
  port,
  webSocketPort,
  log,
}: {
  port: number
  webSocketPort: number | undefined
  log: Log
}): Promise<Broker> {
  return naming({ name: 'MQTT', port, setting: '--port' }, () =>
    startBroker({
      host: '127.0.0.1',
      port,
      webSocketPort,
      open: true,
      districtId: 'open',
      credentials: new Map(),
      // Nothing is for the house here: every topic is routed.
      accept: async () => {},
      clock: liveClock(),
      log,
      metrics: createMetrics(),
    }),
  )
}
