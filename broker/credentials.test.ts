import { expect, test } from 'vitest'
import { hashPassword, makeCredential, passwordVerifier } from './credentials.ts'

test('a made password opens its own door only', async () => {
  const one = await makeCredential()
  const two = await makeCredential('dispatcher')
  const verify = passwordVerifier(
    new Map([
      ['one', one.credential],
      ['two', two.credential],
    ]),
  )
  expect(await verify('one', Buffer.from(one.password))).toBe(true)
  expect(await verify('one', Buffer.from(two.password))).toBe(false)
  expect(await verify('one', Buffer.from(one.password))).toBe(true)
  expect(await verify('three', Buffer.from(one.password))).toBe(false)
  expect(one.credential.passwordHash).not.toContain(one.password)
})

test('a replaced credential shuts the old password out at once', async () => {
  const passwordHash = await hashPassword('the first password')
  const credentials = new Map([['gw', { passwordHash }]])
  const verify = passwordVerifier(credentials)
  expect(await verify('gw', Buffer.from('the first password'))).toBe(true)
  credentials.set('gw', { passwordHash: await hashPassword('the second one') })
  expect(await verify('gw', Buffer.from('the first password'))).toBe(false)
})

test('a thousand returns with a known password cost no hashing', async () => {
  const { password, credential } = await makeCredential()
  const verify = passwordVerifier(new Map([['gw', credential]]))
  await verify('gw', Buffer.from(password))
  const startMs = performance.now()
  for (let time = 0; time < 1000; time++) await verify('gw', Buffer.from(password))
  // A thousand hashes of 2 ms would be two seconds.
  expect(performance.now() - startMs).toBeLessThan(500)
})
