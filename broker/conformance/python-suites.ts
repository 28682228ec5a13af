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

export interface Ended {
  /** Null when it was stopped. */
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

/** Eclipse Paho's `client_test.py`, in either of its editions. Throws when the folder has none. */
export async function runPaho(folder: string, port: number): Promise<Outcome[]> {
  const suite = join(folder, 'client_test.py')
  if (!existsSync(suite)) throw new Error(`there is no client_test.py in ${folder}`)
  const where = ['--hostname', '127.0.0.1', '--port', String(port)]
  const optional = pahoOptions.filter(option => readFileSync(suite, 'utf8').includes(`"${option.slice(2)}"`))
  return pahoOutcomes(await python(['-c', pahoStart, ...where, ...optional], folder))
}

/** The older edition leaves these tests out unless asked; the newer has them all and does not know the options. */
const pahoOptions = ['--zero_length_clientid', '--dollar_topics', '--subscribe_failure']

/** The newer edition reads its host and port, and then unittest reads the same words again and does not know them. */
const pahoStart = `
import runpy, sys, unittest
main = unittest.main
unittest.main = lambda: main(argv=['client_test.py', '--verbose'])
sys.argv[0] = 'client_test.py'
runpy.run_path('client_test.py', run_name='__main__')
`

/**
 * What it said of each test: `Basic test succeeded` in the older edition, the lines of Python's unittest in the newer.
 * That one prints sentences too, but not of every test that failed. A suite that did not come to its end has failed.
 */
export function pahoOutcomes({ code, output }: Ended): Outcome[] {
  const isUnittest = /^test\w+ \(.*\) \.\.\. |^Ran \d+ tests? in /m.test(output)
  const outcomes = isUnittest ? unittestOutcomes(output) : sentenceOutcomes(output)
  const isWhole = isUnittest ? /^Ran \d+ tests? in /m.test(output) : /^test suite (succeeded|failed)\s*$/m.test(output)
  const isExplained = code === 0 || outcomes.some(({ trouble }) => trouble !== undefined)
  if (isWhole && isExplained && outcomes.length > 0) return outcomes
  return [...outcomes, { name: 'client_test.py', trouble: `ended with ${code}: ${lastLine(output)}` }]
}

function sentenceOutcomes(output: string): Outcome[] {
  const sentences = output.matchAll(/^(?!test suite)(.+? test) (succeeded|failed)\s*$/gm)
  return [...sentences].map(([, name = '', result]) => ({ name, trouble: result === 'failed' ? result : undefined }))
}

/** Tracebacks come between a test's name and its result; the report at the end names all that went wrong. */
function unittestOutcomes(output: string): Outcome[] {
  const troubles = new Map([...output.matchAll(/^(FAIL|ERROR): (\w+) /gm)].map(([, kind, name = '']) => [name, kind]))
  const begun = [...output.matchAll(/^(test\w+) \(.*\) \.\.\. /gm)].map(([, name = '']) => name)
  return [...new Set([...begun, ...troubles.keys()])].map(name => ({ name, trouble: troubles.get(name) }))
}

const patienceMs = 120_000

function python(args: readonly string[], folder: string): Promise<Ended> {
  return new Promise(resolve => {
    const child = spawn('python3', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: patienceMs })
    // One after the other: a sentence of the one must not fall into a line of the other.
    let said = ''
    let complained = ''
    child.stdout.on('data', bytes => {
      said += String(bytes)
    })
    child.stderr.on('data', bytes => {
      complained += String(bytes)
    })
    child.on('close', code => resolve({ code, output: `${said}\n${complained}` }))
  })
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? ''
}
