/**
 * Officers' passwords: hashed with scrypt (RFC 7914) by node:crypto, so that nothing native has to be installed.
 * The parameters stand in the hash: they can be raised without locking anyone out.
 */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

export interface ScryptCost {
  readonly N: number
  readonly r: number
  readonly p: number
}

// What a try costs. OWASP Password Storage Cheat Sheet: N=2^15, r=8, p=3 is one of its equal choices; 32 MB a try.
const strong: ScryptCost = { N: 2 ** 15, r: 8, p: 3 }
const keyBytes = 32

/** The hash to keep for a password: `scrypt$N$r$p$salt$key`, base64url. */
export async function hashPassword(password: string, cost: ScryptCost = strong): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password, { salt, ...cost })
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** Whether the password is the one that was hashed. A hash that cannot be read matches nothing. */
export async function verifyPassword({ password, hash }: { password: string; hash: string }): Promise<boolean> {
  const [scheme, N, r, p, salt, key] = hash.split('$')
  if (scheme !== 'scrypt' || !salt || !key) return false
  const expected = Buffer.from(key, 'base64url')
  if (expected.length !== keyBytes) return false
  const given = await derive(password, {
    salt: Buffer.from(salt, 'base64url'),
    N: Number(N),
    r: Number(r),
    p: Number(p),
  })
  return timingSafeEqual(given, expected)
}

interface Derivation extends ScryptOptions {
  readonly salt: Buffer
}

function derive(password: string, { salt, ...options }: Derivation): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Unicode NFC: the same Chinese or accented password typed on two keyboards must be one password.
    scrypt(password.normalize('NFC'), salt, keyBytes, { ...options, maxmem: 256 * 2 ** 20 }, (error, key) =>
      error ? reject(new Error('derive a password key', { cause: error })) : resolve(key),
    )
  })
}
