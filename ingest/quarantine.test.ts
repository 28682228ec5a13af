import { appendFileSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Rejection } from '@forewarn/contracts/rejection'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openQuarantine, originalOf } from './quarantine.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quarantine-'))
})
afterEach(() => rm(dir, { recursive: true }))

const rejection = (detail: string): Rejection => ({
  reason: 'not-senml',
  atMs: 1,
  gateway: 'gw-1',
  topic: 'fw/1/jingan/gw-1/readings',
  detail,
  original: 'x',
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
  ['text', Buffer.from('水位'), '水位'],
  ['bytes that are no text', Buffer.from([0xff, 0xfe]), '//4='],
  ['text cut inside a character', Buffer.from('水'.repeat(2000)), '水'.repeat(1365)],
  ['long bytes', Buffer.alloc(10_000, 0xff), Buffer.alloc(4096, 0xff).toString('base64')],
])('the original of %s is kept readable, 4 kB at most', (_, payload, kept) => {
  expect(originalOf(payload)).toBe(kept)
})
