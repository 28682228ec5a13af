/**
 * Runs public conformance suites of MQTT 3.1 and 3.1.1 against this broker, from folders that the user has:
 *
 *   node broker/conformance/suites-main.ts sequences <mosquitto>/test/broker/data
 *   node broker/conformance/suites-main.ts scripts <mosquitto>
 *   node broker/conformance/suites-main.ts paho <paho.mqtt.testing>/interoperability
 *
 * `--port N` takes a broker that runs already (not for `scripts`). Prints what failed, then passed/failed; ends with 1
 * when something failed. Python 3 is needed for the latter two.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { liveClock } from '@forewarn/runtime/clock'
import { openLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { startBroker } from '../start.ts'
import { play, sequencesOf } from './packet-sequences.ts'
import { type Outcome, runPaho, runScripts } from './python-suites.ts'

async function withBroker<T>(given: string | undefined, use: (port: number) => Promise<T>): Promise<T> {
  if (given !== undefined) return use(Number(given))
  await using broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    open: true,
    districtId: 'open',
    credentials: new Map(),
    accept: async () => {},
    clock: liveClock(),
    log: openLog({ level: 'silent' }),
    metrics: createMetrics(),
  })
  return await use(broker.port)
}

async function runSequences(folder: string, port: number): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const file of readdirSync(folder)
    .filter(name => name.endsWith('.json'))
    .toSorted())
    for (const sequence of sequencesOf(readFileSync(join(folder, file), 'utf8'), { maxVersion: 4 })) {
      const trouble = await play(sequence, { host: '127.0.0.1', port })
      outcomes.push({ name: `${file}: ${sequence.name}`, trouble })
    }
  return outcomes
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { port: { type: 'string' } } })
const [suite, folder] = positionals
const suites: Readonly<Record<string, (folder: string) => Promise<Outcome[]>>> = {
  sequences: where => withBroker(values.port, port => runSequences(where, port)),
  scripts: runScripts,
  paho: where => withBroker(values.port, port => runPaho(where, port)),
}
const run = suites[suite ?? '']
if (run === undefined || folder === undefined) {
  process.stderr.write(`one of ${Object.keys(suites).join(', ')}, and the folder it is in\n`)
  process.exit(2)
}
const outcomes = await run(folder)
const failed = outcomes.filter(({ trouble }) => trouble !== undefined)
for (const { name, trouble } of failed) process.stdout.write(`failed  ${name}  ${trouble}\n`)
process.stdout.write(`${outcomes.length - failed.length} passed, ${failed.length} failed\n`)
process.exit(failed.length > 0 ? 1 : 0)
