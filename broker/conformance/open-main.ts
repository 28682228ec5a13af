/**
 * Stands in for the program `mosquitto` while its own test scripts run: understands the few options and settings that
 * tests of any broker use, and runs ours, open. Says so when a script asks for
 * something that only Mosquitto has.
 */
import { readFileSync } from 'node:fs'
import { liveClock } from '@forewarn/runtime/clock'
import { openLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import type { BrokerLimits } from '../limits.ts'
import { startBroker } from '../start.ts'

interface Wanted {
  readonly port: number
  readonly limits: Partial<BrokerLimits>
}

const harmless: ReadonlySet<string> = new Set(['allow_anonymous', 'log_type', 'log_dest', 'per_listener_settings'])

/** The part of a Mosquitto configuration that means something here; undefined when there is more in it. */
function readConfiguration(text: string): Wanted | undefined {
  let port = 0
  const limits: Partial<Record<keyof BrokerLimits, number>> = {}
  for (const line of text.split('\n').map(raw => raw.trim())) {
    const [name = '', value = ''] = line.split(/\s+/)
    if (name === '' || name.startsWith('#') || harmless.has(name)) continue
    if (name === 'port' || name === 'listener') {
      if (port !== 0) return undefined
      port = Number(value)
    } else if (name === 'max_inflight_messages') limits.maxInFlight = Number(value)
    else if (name === 'max_queued_messages') limits.maxQueued = Number(value)
    else return undefined
  }
  return { port, limits }
}

function wanted(args: readonly string[]): Wanted | undefined {
  const file = args[args.indexOf('-c') + 1]
  if (args.includes('-c') && file !== undefined) return readConfiguration(readFileSync(file, 'utf8'))
  return { port: Number(args[args.indexOf('-p') + 1]), limits: {} }
}

const found = wanted(process.argv.slice(2))
if (found === undefined) {
  process.stdout.write('not-for-every-broker\n')
  process.exit(3)
}
const broker = await startBroker({
  host: '127.0.0.1',
  open: true,
  ...found,
  districtId: 'open',
  credentials: new Map(),
  accept: async () => {},
  clock: liveClock(),
  log: openLog({ level: 'silent' }),
  metrics: createMetrics(),
})
process.on('SIGTERM', () => void broker.stop().then(() => process.exit(0)))
