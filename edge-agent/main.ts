/**
 * The agent as a process of its own, beside real gateways: `node edge-agent/main.ts <settings.json>`. Prints where it
 * takes pushes; logs to standard error. Exit code 2 when a person has to mend the settings.
 */
import { readFileSync } from 'node:fs'
import { Id } from '@forewarn/contracts/district'
import { liveClock } from '@forewarn/runtime/clock'
import { logLevels, openLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { z } from 'zod'
import { startEdgeAgent } from './start.ts'

const Settings = z.strictObject({
  districtId: Id,
  /** Passwords as the house gave them to these gateways; `sensors` for a birth message. */
  gateways: z.array(z.strictObject({ id: Id, password: z.string().min(1), sensors: z.array(Id).optional() })).min(1),
  /** `mqtt://` or `mqtts://`, host and port. */
  brokerUrl: z.url({ protocol: /^mqtts?$/ }),
  dataDir: z.string().min(1),
  outboxMaxMb: z.number().positive().default(64),
  push: z.strictObject({
    host: z.string().default('127.0.0.1'),
    port: z.number().int().min(0).max(65_535),
    token: z.string().min(8),
  }),
  logLevel: z.enum(logLevels).default('info'),
})

async function run(file: string): Promise<void> {
  const { gateways, outboxMaxMb, logLevel, ...settings } = Settings.parse(JSON.parse(readFileSync(file, 'utf8')))
  const agent = await startEdgeAgent({
    ...settings,
    gateways: gateways.map(({ id, password, sensors }) => ({ id, password, ...(sensors && { sensors }) })),
    outbox: { maxBytes: outboxMaxMb * 1024 * 1024 },
    clock: liveClock(),
    log: openLog({ level: logLevel }).with({ process: 'edge-agent' }),
    metrics: createMetrics(),
  })
  const stop = () => void agent.stop().then(() => process.exit(0))
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  process.stdout.write(`${agent.pushUrl}\n`)
}

const [file] = process.argv.slice(2)
if (file === undefined) {
  process.stderr.write('usage: node edge-agent/main.ts <settings.json>\n')
  process.exit(2)
}
await run(file).catch((error: unknown) => {
  const what = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
  process.stderr.write(`${file}: ${what}\n`)
  process.exit(2)
})
