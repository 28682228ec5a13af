import { appendFileSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openQuarantine, originalOf, type Refusal } from './quarantine.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quarantine-'))
})
afterEach(() => rm(dir, { recursive: true }))

const rejection = (detail: string): Refusal => ({
  reason: 'not-senml',
  atMs: 1,
  gateway: 'gw-1',
  topic: 'fw/1/jingan/gw-1/readings',
  detail,
  payload: Buffer.from('x'),
  kept: false,
})

test('what was kept is counted and shown again after a restart, also behind a line that a crash cut', async () => {
  const before = await openQuarantine({ dir })
  await before.add(rejection('one'), 3)
  await before.add(rejection('two'), 1)
  await before.close()
  appendFileSync(join(dir, readdirSync(dir)[0] ?? ''), '{"reason":"not-sen')
  const after = await openQuarantine({ dir })
  await after.add(rejection('three'), 1)
  expect(after.report().counts).toEqual({ 'not-senml': 5 })
  expect(after.report().newest.map(({ detail }) => detail)).toEqual(['three', 'two', 'one'])
  await after.close()
})

test('beyond its limit the oldest file goes, and is counted', async () => {
  const quarantine = await openQuarantine({ dir, fileMaxBytes: 100, maxFiles: 2 })
  for (let number = 0; number < 10; number++) await quarantine.add(rejection(`number ${number}`), 1)
  expect(readdirSync(dir).length).toBe(2)
  expect(quarantine.filesDropped()).toBe(8)
  await quarantine.close()
})

test.each([
  ['text', Buffer.from('水位'), '水位', 'text'],
  ['bytes that are no text', Buffer.from([0xff, 0xfe]), '//4=', 'base64'],
  ['text with a byte order mark', Buffer.from('\ufeff水'), '\ufeff水', 'text'],
  ['a text of 100 kB', Buffer.from('水'.repeat(33_000)), '水'.repeat(33_000), 'text'],
])('the original of %s is kept whole', (_, payload, original, encoding) => {
  expect(originalOf(payload)).toEqual({ original, encoding })
})

test('beyond a megabyte the original is cut, text between two characters', () => {
  expect(originalOf(Buffer.from('水'.repeat(400_000))).original).toBe('水'.repeat(349_525))
})
