import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'

const runFile = pathToFileURL(join(import.meta.dirname, 'run.mjs')).href

test('when npm is told to stop and its shell dies of it, the program behind the launcher is told to stop too', async () => {
  const program = `process.on('SIGTERM', () => { console.log('told'); process.exit(0) }); console.log('up ' + process.pid); setInterval(() => {}, 1000)`
  const launcher = `import { handOver } from ${JSON.stringify(runFile)}; handOver(process.execPath, ['-e', ${JSON.stringify(program)}])`
  // As npm does it: a shell that waits for the launcher, and that a signal ends at once.
  const shell = spawn('sh', ['-c', '"$0" --input-type=module -e "$1"; true', process.execPath, launcher], {
    env: { ...process.env, npm_lifecycle_event: 'start' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  const saidAll = new Promise<void>(resolve => shell.stdout.once('close', resolve))
  const isUp = new Promise<void>(resolve =>
    shell.stdout.on('data', chunk => {
      said += String(chunk)
      if (said.includes('up')) resolve()
    }),
  )
  await isUp
  shell.kill('SIGTERM')
  await once(shell, 'exit')
  // The output closes once nobody holds it any more: launcher and program are gone.
  await saidAll
  expect(said).toContain('told')
})
