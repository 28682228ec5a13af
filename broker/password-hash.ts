/**
 * Passwords as hashes: argon2id (RFC 9106) in the usual text form, and the scrypt hashes of before, which are still
 * read and are renewed at the next login.
 */
import { argon2, createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** Memory in KiB, and passes over it. */
interface Cost {
  readonly memoryKib: number
  readonly passes: number
}

/**
 * - `person`: a password that somebody thought of; OWASP's recommendation (19 MB, some 45 ms)
 * - `random`: 192 random bits cannot be guessed however cheap the hash is; 1 MB and 2 ms keep 5,000 first
 *   connections short
 */
const costs = {
  person: { memoryKib: 19_456, passes: 2 },
  random: { memoryKib: 1024, passes: 1 },
} as const satisfies Record<string, Cost>
export type SecretKind = keyof typeof costs

const hashBytes = 32

/** A hash to keep instead of a password. */
export async function hashSecret(secret: string | Buffer, kind: SecretKind): Promise<string> {
  const salt = randomBytes(16)
  const cost = costs[kind]
  const hash = await deriveArgon2(Buffer.from(secret), salt, cost)
  return `$argon2id$v=19$m=${cost.memoryKib},t=${cost.passes},p=1$${unpadded(salt)}$${unpadded(hash)}`
}

/** Whether the hash is of this secret. Throws RangeError for a text that is no hash. */
export async function isSecretOf(hash: string, secret: Buffer): Promise<boolean> {
  const { derive, expected } = readHash(hash)
  const actual = await derive(secret)
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

/** How to hash this secret anew; undefined when its hash is as it should be. */
export function renewalOf(hash: string): SecretKind | undefined {
  if (!hash.startsWith('scrypt$')) return undefined
  // The cost tells what was hashed: 2^10 was for random secrets.
  return Number(hash.split('$')[1]) <= 2 ** 10 ? 'random' : 'person'
}

/** A digest for secrets of 192 random bits that are looked up often: tokens and claim keys. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

/** Whether the digest is that of the secret, in a time that does not tell how much of it is right. */
export function isDigestOf(digest: string, secret: string): boolean {
  return timingSafeEqual(Buffer.from(digest), Buffer.from(digestOf(secret)))
}

interface Readable {
  readonly derive: (secret: Buffer) => Promise<Buffer>
  readonly expected: Buffer
}

const argon2Form = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/
const scryptForm = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/

function readHash(text: string): Readable {
  const [, memory, passes, argonSalt, argonHash] = argon2Form.exec(text) ?? []
  if (argonSalt !== undefined && argonHash !== undefined) {
    const cost = { memoryKib: Number(memory), passes: Number(passes) }
    const salt = Buffer.from(argonSalt, 'base64')
    return { derive: secret => deriveArgon2(secret, salt, cost), expected: Buffer.from(argonHash, 'base64') }
  }
  const [, cost, blockSize, lanes, salt, hash] = scryptForm.exec(text) ?? []
  if (salt === undefined || hash === undefined)
    throw new RangeError('a stored password hash is neither an argon2id nor a scrypt hash')
  const parameters = { N: Number(cost), r: Number(blockSize), p: Number(lanes) }
  return {
    derive: secret => deriveScrypt(secret, Buffer.from(salt, 'base64'), parameters),
    expected: Buffer.from(hash, 'base64'),
  }
}

function deriveArgon2(message: Buffer, nonce: Buffer, { memoryKib, passes }: Cost): Promise<Buffer> {
  const parameters = { message, nonce, parallelism: 1, tagLength: hashBytes, memory: memoryKib, passes }
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, hash) => (error === null ? resolve(hash) : reject(error)))
  })
}

function deriveScrypt(
  secret: Buffer,
  salt: Buffer,
  parameters: { readonly N: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  const options = { ...parameters, maxmem: 256 * parameters.N * parameters.r }
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, hashBytes, options, (error, hash) => (error === null ? resolve(hash) : reject(error)))
  })
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}
