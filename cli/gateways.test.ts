import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

let empty: string
beforeAll(() => {
  empty = mkdtempSync(join(tmpdir(), 'forewarn-cli-'))
})
afterAll(() => rmSync(empty, { recursive: true, force: true }))

/** Runs the program; its exit code and what it said, on both streams. */
function forewarn(...args: readonly string[]): Promise<{ code: number; said: string }> {
  const main = join(import.meta.dirname, 'main.ts')
  return new Promise(resolve => {
    execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, said: stdout + stderr })
    })
  })
}

test('gateways says that no house runs, and where it looked', async () => {
  const { code, said } = await forewarn('gateways', 'list', '--data-dir', empty)
  expect(code).toBe(2)
  expect(said).toContain(`no house runs in ${empty}`)
})

test('what cannot be meant is refused before anything is asked', async () => {
  const { code, said } = await forewarn('gateways', 'claim-key', '--uses', 'many', '--data-dir', empty)
  expect(code).toBe(2)
  expect(said).toContain('--uses')
})

test('a broker without a district does not start unless it is called open', async () => {
  const { code, said } = await forewarn('broker', '--port', '0')
  expect(code).toBe(2)
  expect(said).toContain('--open')
})
