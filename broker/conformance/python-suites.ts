/**
 * Runs conformance suites that are written in Python, from copies of the user's folders: Mosquitto's broker scripts,
 * with our broker in the place of theirs and without their MQTT 5 halves, and Eclipse Paho's interoperability tests.
 */
import { spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Outcome {
  readonly name: string
  /** Undefined when it passed. */
  readonly trouble: string | undefined
}

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** Chapters of Mosquitto's tests that are about MQTT itself; the others are about bridges, plugins and the like. */
const chapters = /^(0[1-57]|11)-.*\.py$/
const aboutVersion5 =
  /v5|-prop|expiry|delay|alias|subscription-id|nolocal|no-local|retain-as-publish|receive-maximum|properties|disconnect-with-will|pubrec-error|allow-anonymous|send-retain|qos[12]-len|queued-bytes/

/** Mosquitto's scripts that speak MQTT 3.1 or 3.1.1 and ask for nothing that only Mosquitto has. */
export async function runScripts(mosquitto: string): Promise<Outcome[]> {
  const copy = mkdtempSync(join(tmpdir(), 'forewarn-scripts-'))
  try {
    cpSync(join(mosquitto, 'test'), join(copy, 'test'), { recursive: true })
    mkdirSync(join(copy, 'src'))
    standIn(join(copy, 'src', 'mosquitto'))
    const folder = join(copy, 'test', 'broker')
    patient(join(copy, 'test', 'mosq_test.py'))
    const outcomes: Outcome[] = []
    for (const name of readdirSync(folder)
      .filter(file => chapters.test(file) && !aboutVersion5.test(file))
      .toSorted()) {
      writeFileSync(join(folder, name), withoutVersion5(readFileSync(join(folder, name), 'utf8')))
      const { code, output } = await python([name], folder)
      const notForUs = output.includes(notUnderstood)
      if (!notForUs) outcomes.push({ name, trouble: code === 0 ? undefined : lastLine(output) })
    }
    return outcomes
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** What open-main.ts says when a script asks for something only Mosquitto has. */
const notUnderstood = 'not-for-every-broker'

/** A program called `mosquitto` that starts our broker. */
function standIn(file: string): void {
  const main = join(import.meta.dirname, 'open-main.ts')
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`)
  chmodSync(file, 0o755)
}

/** Their helper gives a broker two seconds to start; a node process may need more on a busy machine. */
function patient(helper: string): void {
  writeFileSync(helper, readFileSync(helper, 'utf8').replace('range(0, 20)', 'range(0, 200)'))
}

/** Their scripts test every version in one go. */
function withoutVersion5(script: string): string {
  return script.replaceAll(/^(\s*)(?:rc\s*=\s*)?do_test\((?:proto_ver=)?5.*\)$/gm, '$1pass')
}

/** Eclipse Paho's `client_test.py`. */
export async function runPaho(folder: string, port: number): Promise<Outcome[]> {
  if (!existsSync(join(folder, 'client_test.py'))) throw new Error(`there is no client_test.py in ${folder}`)
  const optional = ['--zero_length_clientid', '--dollar_topics', '--subscribe_failure']
  const where = ['--hostname', '127.0.0.1', '--port', String(port)]
  const { output } = await python(['client_test.py', ...where, ...optional], folder)
  const found = pahoOutcomes(output)
  return found.length > 0 ? found : [{ name: 'client_test.py', trouble: lastLine(output) }]
}

/** What its editions print: `Basic test succeeded`, or a line of Python's unittest. */
export function pahoOutcomes(output: string): Outcome[] {
  const plain = [...output.matchAll(/^(?!test suite)(.+? test) (succeeded|failed)\s*$/gm)]
  const unit = [...output.matchAll(/^(test\w+) \(.*\) \.\.\. (ok|FAIL|ERROR)\s*$/gm)]
  return [...plain, ...unit].map(([, name = '', result = '']) => ({
    name,
    trouble: result === 'succeeded' || result === 'ok' ? undefined : result,
  }))
}

const patienceMs = 60_000

function python(args: readonly string[], folder: string): Promise<Ended> {
  return new Promise(resolve => {
    const child = spawn('python3', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: patienceMs })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', bytes => {
        output += String(bytes)
      })
    child.on('close', code => resolve({ code, output }))
  })
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? ''
}
