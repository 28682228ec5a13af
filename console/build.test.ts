/** What the page weighs: an officer on a bad line must have it on screen within seconds. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { buildConsole } from './build.ts'
import { fixtureMap } from './fixtures/district.ts'

async function packedKb(dir: string, kind: RegExp): Promise<number> {
  const names = (await readdir(dir)).filter(name => kind.test(name))
  const sizes = await Promise.all(
    names.map(async name => gzipSync(await readFile(join(dir, name)), { level: 9 }).length),
  )
  return sizes.reduce((sum, size) => sum + size, 0) / 1000
}

test('the script stays below 60 kB and the first view with its map below 200 kB, packed', async () => {
  const { distDir } = await buildConsole()
  const script = await packedKb(join(distDir, 'assets'), /\.js$/)
  const style = await packedKb(join(distDir, 'assets'), /\.css$/)
  const map = gzipSync(JSON.stringify(fixtureMap())).length / 1000
  expect(script).toBeGreaterThan(10)
  expect(script).toBeLessThan(60)
  expect(script + style + map).toBeLessThan(200)
})

test('building again without a change builds nothing', async () => {
  await buildConsole()
  expect(await buildConsole()).toMatchObject({ built: false })
})

test('the page names no folder of the machine that built it, also when tests build it', async () => {
  const { distDir } = await buildConsole()
  const dir = join(distDir, 'assets')
  const scripts = (await readdir(dir)).filter(name => name.endsWith('.js'))
  const texts = await Promise.all(scripts.map(name => readFile(join(dir, name), 'utf8')))
  expect(texts.filter(text => text.includes(import.meta.dirname))).toEqual([])
})
