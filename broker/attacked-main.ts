/**
 * A broker in a process of its own, for tests that attack or kill it: says where it listens, and how much memory it
 * holds when asked. Its house keeps every message by forgetting it.
 */
import { liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { z } from 'zod'
import type { Credential } from './credentials.ts'
import { startBroker } from './start.ts'

const Wish = z.object({
  credentials: z.record(
    z.string(),
    z.custom<Credential>(value => typeof value === 'object'),
  ),
  limits: z.record(z.string(), z.number()),
  port: z.number().default(0),
  dataDir: z.string().optional(),
  innerToken: z.string().optional(),
})
const wish = Wish.parse(JSON.parse(process.argv[2] ?? ''))
const metrics = createMetrics()
const broker = await startBroker({
  host: '127.0.0.1',
  port: wish.port,
  districtId: 'jingan',
  credentials: new Map(Object.entries(wish.credentials)),
  accept: async () => {},
  clock: liveClock(),
  log: silentLog(),
  metrics,
  limits: wish.limits,
  dataDir: wish.dataDir,
  innerToken: wish.innerToken,
})
process.on('message', question => {
  if (question === 'memory') {
    globalThis.gc?.()
    const { heapUsed, external, rss } = process.memoryUsage()
    process.send?.({ heldBytes: heapUsed + external, rssBytes: rss })
  } else void metrics.text().then(text => process.send?.({ text }))
})
process.on('disconnect', () => process.exit(0))
process.send?.({ port: broker.port, url: broker.url })
