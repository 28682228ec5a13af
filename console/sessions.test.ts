import { expect, test } from 'vitest'
import { hashPassword, verifyPassword } from './passwords.ts'
import { openSession, sealSession } from './sessions.ts'

const secret = 'a-session-secret-of-a-test-long-enough'
const officer = { name: '李晨', role: 'officer' as const }

test('a sealed session opens until its end', () => {
  const cookie = sealSession(officer, { secret, untilMs: 1000 })
  expect(openSession(cookie, { secret, wallMs: 999 })).toEqual(officer)
  expect(openSession(cookie, { secret, wallMs: 1000 })).toBeUndefined()
})

test.each([
  ['another secret', (cookie: string) => cookie, 'another-secret'],
  ['a changed body', (cookie: string) => `x${cookie}`, secret],
  ['a cut signature', (cookie: string) => cookie.slice(0, -1), secret],
  ['no signature', (cookie: string) => cookie.split('.')[0] ?? '', secret],
  ['nothing', () => '', secret],
])('a cookie with %s opens nothing', (_what, change, key) => {
  const cookie = sealSession(officer, { secret, untilMs: 1000 })
  expect(openSession(change(cookie), { secret: key, wallMs: 0 })).toBeUndefined()
})

test('a password matches its hash however its letters were composed, and nothing else does', async () => {
  const hash = await hashPassword('caf\u00e9 雨天')
  expect(await verifyPassword({ password: 'cafe\u0301 雨天', hash })).toBe(true)
  expect(await verifyPassword({ password: 'cafe 雨天', hash })).toBe(false)
  expect(await verifyPassword({ password: 'x', hash: 'not a hash' })).toBe(false)
})
