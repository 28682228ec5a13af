/**
 * `forewarn broker`: the MQTT broker alone, open to everybody on this machine: for conformance suites.
 */
import { Command } from 'commander'
import { z } from 'zod'
import { WrongUse } from '../exit-codes.ts'
import { told } from '../stop-signal.ts'
import { say } from '../terminal.ts'

export function brokerCommand(): Command {
  return new Command('broker')
    .summary('run the MQTT broker alone, open to everybody, for conformance suites')
    .description(
      'Runs the broker without a district, on 127.0.0.1: anybody may publish and subscribe to anything. For tests only.',
    )
    .option('--open', 'says that you know it lets everybody in')
    .option('--port <number>', 'port of MQTT', '1883')
    .option('--web-socket-port <number>', 'port of MQTT over WebSocket')
    .addHelpText('after', '\nExample:\n  forewarn broker --open --port 1884')
    .action(runBroker)
}

async function runBroker(options: Record<string, unknown>): Promise<void> {
  if (options['open'] !== true)
    throw new WrongUse('a broker without a district lets everybody in: say --open, or run forewarn start')
  const { port, webSocketPort } = portsOf(options)
  const stopTold = told()
  const [{ startOpenBroker }, { openLog }] = await Promise.all([
    import('@forewarn/deploy/open-broker'),
    import('@forewarn/runtime/log'),
  ])
  const broker = await startOpenBroker({
    port,
    webSocketPort,
    log: openLog({ level: 'warn' }),
  })
  say(`open to everybody: mqtt://127.0.0.1:${broker.port}`)
  await stopTold
  await broker.stop()
}

const Port = z.coerce.number().int().min(0).max(65_535)
const Ports = z.object({ port: Port, webSocketPort: Port.optional() })

function portsOf(options: Record<string, unknown>): z.infer<typeof Ports> {
  const ports = Ports.safeParse(options)
  if (!ports.success) throw new WrongUse('a port is a number from 0 to 65535')
  return ports.data
}
