import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'

const logFile = pathToFileURL(join(import.meta.dirname, 'log.ts')).href

test.runIf(existsSync('/dev/full'))('a process whose log is on a full disk goes on, and says so once', () => {
  // `/dev/full` answers every write as a full disk does.
  const program = `
    import { openLog } from ${JSON.stringify(logFile)}
    const log = openLog({ level: 'info', file: '/dev/full' })
    let lines = 0
    const timer = setInterval(() => {
      log.info('still-here', { line: lines++ })
      if (lines < 20) return
      clearInterval(timer)
      process.stdout.write('alive')
      process.exit(0)
    }, 10)
  `
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 })
  expect(status).toBe(0)
  expect(stdout).toBe('alive')
  expect(stderr.match(/cannot be written/g)).toHaveLength(1)
})

test('lines reach the file in order, whole, and also those said right before the exit', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'forewarn-log-'))
  const file = join(dir, 'logs', 'forewarn.log')
  const program = `
    import { openLog } from ${JSON.stringify(logFile)}
    const log = openLog({ level: 'info', file: ${JSON.stringify(file)} })
    for (let line = 0; line < 500; line++) log.info('said', { line, password: 'never' })
    setImmediate(() => {
      for (let line = 500; line < 1000; line++) log.with({ part: 'b' }).info('said', { line })
      process.exit(0)
    })
  `
  spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program], {
    timeout: 20_000,
  })
  const text = await readFile(file, 'utf8')
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  expect(lines).toHaveLength(1000)
  expect(lines.map(line => z.object({ line: z.number() }).parse(line).line)).toEqual(
    Array.from({ length: 1000 }, (_, at) => at),
  )
  expect(text).not.toContain('never')
  await rm(dir, { recursive: true })
})
