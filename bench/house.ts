/**
 * `npm run bench -- house`: start-up time, memory and CPU of the whole house with the simulated district, as
 * `npm start` runs it. Flags: --seconds 60
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { cpuSeconds, residentMb } from './process-figures.ts'

const { values: flags } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } })
const dataDir = await mkdtemp(join(tmpdir(), 'forewarn-bench-'))

async function run(name: string) {
  const startMs = performance.now()
  const program = join(import.meta.dirname, '..', 'cli', 'main.ts')
  const args = [
    '--max-semi-space-size=64',
    program,
    'start',
    '--data-dir',
    dataDir,
    '--mqtt-port',
    '0',
    '--http-port',
    '0',
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('Stop with')) break
  const readyS = (performance.now() - startMs) / 1000
  const pid = child.pid ?? 0
  const cpuBefore = await cpuSeconds(pid)
  await wait(Number(flags.seconds) * 1000)
  const cpuShare = ((await cpuSeconds(pid)) - cpuBefore) / Number(flags.seconds)
  const rssMb = await residentMb(pid)
  const stopMs = performance.now()
  child.kill('SIGTERM')
  await once(child, 'exit')
  return {
    start: name,
    'ready after s': Number(readyS.toFixed(1)),
    'RSS MB': Math.round(rssMb),
    'cores used': Number(cpuShare.toFixed(2)),
    'stopped after s': Number(((performance.now() - stopMs) / 1000).toFixed(1)),
  }
}

console.table([await run('first'), await run('second')])
await rm(dataDir, { recursive: true, force: true })
process.exit(0)
