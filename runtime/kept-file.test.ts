import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isMissing, readIfThere, readIfThereSync, replaceFile } from './kept-file.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forewarn-kept-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a file is replaced whole, and nothing is left beside it', async () => {
  const path = join(folder, 'state.json')
  await replaceFile(path, 'a longer old text')
  await replaceFile(path, 'new')
  expect(readFileSync(path, 'utf8')).toBe('new')
  expect(readdirSync(folder)).toEqual(['state.json'])
})

test('a secret is for its owner only, also where a crash left half of it behind for all to read', async () => {
  const path = join(folder, 'secrets.json')
  writeFileSync(`${path}.new`, 'half', { mode: 0o644 })
  await replaceFile(path, 'whole', { mode: 0o600 })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readFileSync(path, 'utf8')).toBe('whole')
})

test('a file that cannot be written leaves the old one as it was', async () => {
  const path = join(folder, 'state.json')
  writeFileSync(path, 'old')
  mkdirSync(`${path}.new`)
  await expect(replaceFile(path, 'new')).rejects.toMatchObject({ code: 'EISDIR' })
  expect(readFileSync(path, 'utf8')).toBe('old')
})

test('a file that is not there is undefined, and one that cannot be read is an error', async () => {
  const path = join(folder, 'state.json')
  expect(await readIfThere(path)).toBeUndefined()
  expect(readIfThereSync(path)).toBeUndefined()
  writeFileSync(path, 'x')
  expect(String(await readIfThere(path))).toBe('x')
  expect(String(readIfThereSync(path))).toBe('x')
  await expect(readIfThere(folder)).rejects.toMatchObject({ code: 'EISDIR' })
  expect(() => readIfThereSync(folder)).toThrow('EISDIR')
})

test('only the missing of a file counts as missing', () => {
  expect(isMissing(Object.assign(new Error('no such file'), { code: 'ENOENT' }))).toBe(true)
  expect(isMissing(Object.assign(new Error('not allowed'), { code: 'EACCES' }))).toBe(false)
  expect(isMissing('ENOENT')).toBe(false)
})
