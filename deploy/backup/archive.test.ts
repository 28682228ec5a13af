import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeBackup } from './backup.ts'
import { restoreBackup } from './restore.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'backup-'))
  execFileSync('mkdir', [
    '-p',
    join(dir, 'data/journal/consumers'),
    join(dir, 'data/postgres/pg_notify'),
    join(dir, 'data/keys'),
  ])
  for (const [name, content] of files) writeFileSync(join(dir, 'data', name), content)
})
afterEach(() => rmSync(dir, { recursive: true }))

/** One longer than a block and than a chunk, one empty, one with a name that does not fit the first field of a tar. */
const longName = `journal/consumers/${'n'.repeat(90)}.json`
const files = new Map([
  ['journal/0.segment', Buffer.alloc(300_001, 'ab')],
  [longName, Buffer.from('{}')],
  ['journal/empty', Buffer.alloc(0)],
  ['secrets.json', Buffer.from('{"innerToken":"very-secret-token"}')],
  ['keys/tls.pem', Buffer.from('PRIVATE')],
  ['house.json', Buffer.from('{}')],
])

const passphrase = 'a passphrase of a test'
const out = () => join(dir, 'out.tar.gz')
const backUp = (given: string | undefined) =>
  writeBackup({
    dir: join(dir, 'data'),
    out: out(),
    passphrase: given,
    registryFile: undefined,
    elsewhere: [],
    wasRunning: false,
    madeAtMs: 0,
    version: '0',
  })
const restore = (given: string | undefined, dataDir = join(dir, 'restored')) =>
  restoreBackup({ file: out(), dataDir, passphrase: given })

const read = (name: string) => readFileSync(join(dir, 'restored', name))

test('every file comes back as it was, empty folders too, and the secrets with the passphrase', async () => {
  await backUp(passphrase)
  await restore(passphrase)
  for (const [name, content] of files) if (name !== 'house.json') expect(read(name).equals(content), name).toBe(true)
  expect(
    execFileSync('ls', ['-A', join(dir, 'restored')], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean),
  ).toEqual(['journal', 'keys', 'postgres', 'secrets.json'])
  expect(execFileSync('ls', [join(dir, 'restored/postgres')], { encoding: 'utf8' })).toBe('pg_notify\n')
})

test('any tar program can list it, and no secret stands in it', async () => {
  await backUp(passphrase)
  const names = execFileSync('tar', ['tzf', out()], { encoding: 'utf8' })
  expect(names).toContain(longName)
  expect(names).not.toContain('secrets.json')
  const plain = execFileSync('gunzip', ['-c', out()])
  expect(plain.includes('very-secret-token')).toBe(false)
  expect(plain.includes('PRIVATE')).toBe(false)
})

test('secrets that were left out, or whose passphrase nobody gives, are not there', async () => {
  await backUp(undefined)
  await restore(undefined)
  expect(() => read('secrets.json')).toThrow('ENOENT')
  rmSync(out())
  rmSync(join(dir, 'restored'), { recursive: true })
  await backUp(passphrase)
  await restore(undefined)
  expect(() => read('secrets.json')).toThrow('ENOENT')
  expect(read('journal/0.segment').length).toBe(300_001)
})

test('a wrong passphrase restores nothing', async () => {
  await backUp(passphrase)
  await expect(restore('another passphrase')).rejects.toMatchObject({ code: 'bad-backup' })
  expect(() => read('journal/0.segment')).toThrow('ENOENT')
})

test('a folder with something in it is left alone', async () => {
  await backUp(passphrase)
  await expect(restore(passphrase, join(dir, 'data'))).rejects.toMatchObject({ code: 'data-dir-not-empty' })
  expect(readFileSync(join(dir, 'data', 'journal/0.segment')).length).toBe(300_001)
})

test('a file that was cut short or changed is refused', async () => {
  await backUp(undefined)
  const whole = readFileSync(out())
  truncateSync(out(), whole.length - 100)
  await expect(restore(undefined)).rejects.toMatchObject({ code: 'bad-backup' })
  const tar = execFileSync('gunzip', ['-c'], { input: whole })
  const at = tar.indexOf('abababab')
  tar[at] = 0x78
  writeFileSync(out(), execFileSync('gzip', ['-c'], { input: tar }))
  await expect(restore(undefined)).rejects.toThrow('journal/0.segment is damaged')
  expect(() => read('journal/0.segment')).toThrow('ENOENT')
})

test('a backup never overwrites a file', async () => {
  await backUp(undefined)
  const before = readFileSync(out())
  await expect(backUp(undefined)).rejects.toThrow()
  expect(readFileSync(out()).equals(before)).toBe(true)
})
