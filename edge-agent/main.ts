/**
 * The agent as a process of its own, beside real gateways: `node edge-agent/main.ts <settings.json>`. Prints where it
 * takes pushes; logs to standard error. Exit code 2 when a person has to mend the settings.
 */
import { readFileSync } from 'node:fs'
import { liveClock } from '@forewarn/runtime/clock'
import { openLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { z } from 'zod'
import { AgentSettings, optionsOf } from './settings.ts'
import { startEdgeAgent } from './start.ts'

async function run(file: string): Promise<void> {
  const settings = AgentSettings.parse(JSON.parse(readFileSync(file, 'utf8')))
  const agent = await startEdgeAgent({
    ...optionsOf(settings),
    clock: liveClock(),
    log: openLog({ level: settings.logLevel }).with({ process: 'edge-agent' }),
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
