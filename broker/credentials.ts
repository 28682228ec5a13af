/**
 * Who may enter, and as what. Passwords are kept as scrypt hashes; a right answer is remembered in memory, so that
 * thousands of gateways coming back at once cost one hash each per life of the process, not one per connection.
 */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/**
 * - `gateway`: publishes on its own up-channels, listens to its own down-channels
 * - `dispatcher`: gives orders to vehicles and hears their progress
 */
export type Role = 'gateway' | 'dispatcher'

export interface Credential {
  /** As `hashPassword` writes it. */
  readonly passwordHash: string
  /** `gateway` when absent. */
  readonly role?: Role
}

/** By user name, which is the gateway's id. */
export type Credentials = ReadonlyMap<string, Credential>

/** RFC 7914 parameters: memory is 128 × cost × blockSize bytes. */
interface ScryptCost {
  readonly cost: number
  readonly blockSize: number
  readonly lanes: number
}

// OWASP's smallest recommendation for a password that a person thought of (17 MB, some 40 ms).
const forPeople: ScryptCost = { cost: 2 ** 14, blockSize: 8, lanes: 5 }
// 192 random bits cannot be guessed however cheap the hash is; 1 MB and 2 ms keep 5,000 first connections short.
const forRandomSecrets: ScryptCost = { cost: 2 ** 10, blockSize: 8, lanes: 1 }

const hashBytes = 32

/** A hash to keep instead of a password that a person chose. */
export function hashPassword(password: string): Promise<string> {
  return hashWith(password, forPeople)
}

/** A new random password and the credential that recognises it. The password is nowhere else: hand it over once. */
export async function makeCredential(
  role: Role = 'gateway',
): Promise<{ readonly password: string; readonly credential: Credential }> {
  const password = randomBytes(24).toString('base64url')
  return { password, credential: { passwordHash: await hashWith(password, forRandomSecrets), role } }
}

async function hashWith(password: string, cost: ScryptCost): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(Buffer.from(password), salt, cost)
  return ['scrypt', cost.cost, cost.blockSize, cost.lanes, salt.toString('base64'), hash.toString('base64')].join('$')
}

function derive(password: Buffer, salt: Buffer, { cost, blockSize, lanes }: ScryptCost): Promise<Buffer> {
  const options = { N: cost, r: blockSize, p: lanes, maxmem: 256 * cost * blockSize }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hashBytes, options, (error, hash) => (error === null ? resolve(hash) : reject(error)))
  })
}

async function isPasswordOf(passwordHash: string, password: Buffer): Promise<boolean> {
  const [scheme, cost, blockSize, lanes, salt, hash] = passwordHash.split('$')
  if (scheme !== 'scrypt' || salt === undefined || hash === undefined)
    throw new RangeError('a stored password hash is no scrypt hash: make it with hashPassword')
  const expected = Buffer.from(hash, 'base64')
  const parameters = { cost: Number(cost), blockSize: Number(blockSize), lanes: Number(lanes) }
  const actual = await derive(password, Buffer.from(salt, 'base64'), parameters)
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

/** Says whether this password opens this user's door. */
export type Verify = (user: string, password: Buffer) => Promise<boolean>

/** A verifier over these credentials; the map may change while it runs (a key is replaced, a gateway is shut out). */
export function passwordVerifier(credentials: Credentials): Verify {
  // Memory holds a keyed digest, never the password; the key dies with the process.
  const key = randomBytes(32)
  const digest = (password: Buffer, passwordHash: string) =>
    createHmac('sha256', key).update(passwordHash).update('\0').update(password).digest()
  const known = new Map<string, { readonly digest: Buffer; readonly opens: boolean }>()
  return async (user, password) => {
    const credential = credentials.get(user)
    if (credential === undefined) return false
    const offered = digest(password, credential.passwordHash)
    const last = known.get(user)
    if (last !== undefined && timingSafeEqual(last.digest, offered)) return last.opens
    const opens = await isPasswordOf(credential.passwordHash, password)
    // A wrong password must not push out the right one, or a stranger could make every connection expensive.
    if (opens || known.get(user)?.opens !== true) known.set(user, { digest: offered, opens })
    return opens
  }
}
