/**
 * A process with `alerts` and its embedded database, for the test that kills one. Takes one argument, JSON:
 * { dir, brokerUrl, plansDir }; says { url, databaseUrl } in one line once it runs.
 */
import { liveClock } from '@forewarn/runtime/clock'
import { startEmbeddedPostgres } from '@forewarn/runtime/embedded-postgres'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { z } from 'zod'
import { startAlerts } from './start.ts'
import { district, innerToken, roadGraph } from './test-house.ts'

const Task = z.object({ dir: z.string(), brokerUrl: z.string(), plansDir: z.string() })
const { dir, brokerUrl, plansDir } = Task.parse(JSON.parse(process.argv[2] ?? ''))

const { url: databaseUrl } = await startEmbeddedPostgres({ dir })
const { url } = await startAlerts({
  ...{ district, roadGraph, plansDir, databaseUrl, innerToken },
  queue: { kind: 'postgres', url: databaseUrl },
  broker: { url: brokerUrl, username: 'alerts', password: 'secret' },
  clock: liveClock(),
  log: silentLog(),
  metrics: createMetrics(),
  mode: 'exercise',
})
console.log(JSON.stringify({ url, databaseUrl }))
