import { scryptSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { type Credential, hashPassword, makeCredential, passwordVerifier, tokenFrom } from './credentials.ts'
import { digestOf, hashSecret, isSecretOf, renewalOf } from './password-hash.ts'

const nowMs = 1000

/** Whether these credentials open this user's door. */
function door(credentials: ReadonlyMap<string, Credential>) {
  const { verify } = passwordVerifier(credentials)
  return async (user: string, password: string, atMs = nowMs) =>
    (await verify(user, Buffer.from(password), atMs)) !== undefined
}

test('a made password opens its own door only', async () => {
  const one = await makeCredential()
  const two = await makeCredential('dispatcher')
  const opens = door(
    new Map([
      ['one', one.credential],
      ['two', two.credential],
    ]),
  )
  expect(await opens('one', one.password)).toBe(true)
  expect(await opens('one', two.password)).toBe(false)
  expect(await opens('one', one.password)).toBe(true)
  expect(await opens('three', one.password)).toBe(false)
  expect(one.credential.passwordHash).not.toContain(one.password)
})

test('a replaced credential shuts the old password out at once', async () => {
  const credentials = new Map([['gw', { passwordHash: await hashPassword('the first password') }]])
  const opens = door(credentials)
  expect(await opens('gw', 'the first password')).toBe(true)
  credentials.set('gw', { passwordHash: await hashPassword('the second one') })
  expect(await opens('gw', 'the first password')).toBe(false)
})

test('a thousand returns with a known password cost no hashing', async () => {
  const { password, credential } = await makeCredential()
  const opens = door(new Map([['gw', credential]]))
  await opens('gw', password)
  const startMs = performance.now()
  for (let time = 0; time < 1000; time++) await opens('gw', password)
  // A thousand hashes of 2 ms would be two seconds.
  expect(performance.now() - startMs).toBeLessThan(1000)
})

test('passwords are hashed with argon2id, those of people at a higher cost', async () => {
  const { credential } = await makeCredential()
  expect(credential.passwordHash).toMatch(/^\$argon2id\$v=19\$m=1024,t=1,p=1\$/)
  expect(await hashPassword('thought of by a person')).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})

test('a scrypt hash of before is still read, and is to be renewed as what it was', async () => {
  const salt = Buffer.alloc(16, 7)
  const scryptHash = (cost: number) => {
    const hash = scryptSync('old password', salt, 32, { N: cost, r: 8, p: 1 })
    return `scrypt$${cost}$8$1$${salt.toString('base64')}$${hash.toString('base64')}`
  }
  expect(await isSecretOf(scryptHash(1024), Buffer.from('old password'))).toBe(true)
  expect(await isSecretOf(scryptHash(1024), Buffer.from('another'))).toBe(false)
  expect([renewalOf(scryptHash(1024)), renewalOf(scryptHash(16_384))]).toEqual(['random', 'person'])
  expect(renewalOf(await hashSecret('x', 'random'))).toBeUndefined()
  await expect(isSecretOf('md5$abc', Buffer.from('x'))).rejects.toThrow('neither an argon2id nor a scrypt hash')
})

test('a token opens until it expires, and not with another secret', async () => {
  const { text, token } = tokenFrom({ id: 'a1', secret: 's3cret', digest: digestOf('s3cret'), expiresAtMs: 5000 })
  const opens = door(new Map([['gw', { tokens: [token] }]]))
  expect(await opens('gw', text, 4999)).toBe(true)
  expect(await opens('gw', text, 5000)).toBe(false)
  expect(await opens('gw', text.replace('s3cret', 'guess'), 1000)).toBe(false)
  expect(await opens('gw', 's3cret', 1000)).toBe(false)
})

test('after a rotation with grace both passwords open, and then only the new one', async () => {
  const [old, renewed] = [await makeCredential(), await makeCredential()]
  const previous = { passwordHash: old.credential.passwordHash, untilMs: 5000 }
  const opens = door(new Map([['gw', { ...renewed.credential, previous }]]))
  expect([await opens('gw', old.password, 4999), await opens('gw', renewed.password, 4999)]).toEqual([true, true])
  expect([await opens('gw', old.password, 5000), await opens('gw', renewed.password, 5000)]).toEqual([false, true])
})

test('a revoked or expired credential opens nothing', async () => {
  const { password, credential } = await makeCredential()
  expect(await door(new Map([['gw', { ...credential, revoked: true }]]))('gw', password)).toBe(false)
  expect(await door(new Map([['gw', { ...credential, expiresAtMs: nowMs }]]))('gw', password)).toBe(false)
})
