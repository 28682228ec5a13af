/**
 * Who may enter, and as what. A right password is remembered in memory, so that thousands of gateways coming back at
 * once cost one hash each per life of the process, not one per connection.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { hashSecret, isDigestOf, isSecretOf } from './password-hash.ts'

/**
 * - `gateway`: publishes on its own up-channels, listens to its own down-channels
 * - `dispatcher`: gives orders to vehicles and hears their progress
 */
export const roles = ['gateway', 'dispatcher'] as const
export type Role = (typeof roles)[number]

/** A token opens the door beside the password until it expires or is taken back. */
export interface Token {
  readonly id: string
  readonly digest: string
  readonly expiresAtMs: number
}

export interface Credential {
  /** As `hashPassword` writes it; without one only a certificate or a token opens. */
  readonly passwordHash?: string | undefined
  /** The password before a rotation, good until then: a gateway learns the new one at its next visit. */
  readonly previous?: { readonly passwordHash: string; readonly untilMs: number } | undefined
  /** When it was given a password of its own in place of the one the district was set up with, UTC ms. */
  readonly renewedAtMs?: number | undefined
  readonly tokens?: readonly Token[] | undefined
  /** `gateway` when absent. */
  readonly role?: Role | undefined
  /** After this nothing opens, UTC ms. */
  readonly expiresAtMs?: number | undefined
  /** Shut out: nothing opens until a new credential is made. */
  readonly revoked?: boolean | undefined
  /** Only with a client certificate of its own name. */
  readonly needsCertificate?: boolean | undefined
  /** Filters beyond the own topics, for devices with topics of their own (`zigbee2mqtt/#`). */
  readonly publish?: readonly string[] | undefined
  readonly subscribe?: readonly string[] | undefined
}

/** By user name, which is the gateway's id. */
export type Credentials = ReadonlyMap<string, Credential>

/** A hash to keep instead of a password that a person chose. */
export function hashPassword(password: string): Promise<string> {
  return hashSecret(password, 'person')
}

/** A new random password and the credential that recognises it. The password is nowhere else: hand it over once. */
export async function makeCredential(
  role: Role = 'gateway',
): Promise<{ readonly password: string; readonly credential: Credential & { readonly passwordHash: string } }> {
  const password = randomBytes(24).toString('base64url')
  return { password, credential: { passwordHash: await hashSecret(password, 'random'), role } }
}

/** Begins every token, so that one found in a log or a repository is known for what it is. */
const tokenMark = 'fwt.'

/** A new token of 192 random bits: `text` is handed over once, `token` is kept. */
export function tokenFrom({ id, secret, expiresAtMs, digest }: Token & { readonly secret: string }): {
  readonly text: string
  readonly token: Token
} {
  return { text: `${tokenMark}${id}.${secret}`, token: { id, digest, expiresAtMs } }
}

/** How somebody got in; `until` is when that stops to be good, UTC ms. */
export interface Opened {
  readonly untilMs?: number | undefined
  /** The password itself fitted, now or before: its hash may be renewed. */
  readonly withPassword: boolean
}

export interface Verifier {
  /** Opens this user's door, or not. */
  verify(user: string, password: Buffer, atMs: number): Promise<Opened | undefined>
  /** The same without hashing: true only for a password that was right before in the life of this process. */
  isKnown(user: string, password: Buffer): boolean
}

/** A verifier over these credentials; the map may change while it runs (a key is replaced, a gateway is shut out). */
export function passwordVerifier(credentials: Credentials): Verifier {
  const remembered = rememberedAnswers()
  const nobodys = hashSecret(randomBytes(24), 'random')
  const opensPassword = async (user: string, hash: string | undefined, password: Buffer) => {
    if (hash === undefined) return false
    const before = remembered.answer(user, hash, password)
    if (before !== undefined) return before
    const opens = await isSecretOf(hash, password)
    remembered.note(user, hash, password, { opens })
    return opens
  }
  return {
    async verify(user, password, atMs) {
      const credential = credentials.get(user)
      if (credential === undefined || isShut(credential, atMs)) {
        // As long as for somebody: the time of the answer must not tell who exists.
        await isSecretOf(await nobodys, password)
        return undefined
      }
      const { passwordHash, previous, expiresAtMs: untilMs } = credential
      const token = openingToken(credential, password, atMs)
      if (token !== undefined)
        return { untilMs: Math.min(token.expiresAtMs, untilMs ?? token.expiresAtMs), withPassword: false }
      if (await opensPassword(user, passwordHash, password)) return { untilMs, withPassword: true }
      if (previous === undefined || previous.untilMs <= atMs) return undefined
      const opens = await isSecretOf(previous.passwordHash, password)
      return opens ? { untilMs: previous.untilMs, withPassword: false } : undefined
    },
    isKnown(user, password) {
      const hash = credentials.get(user)?.passwordHash
      return hash !== undefined && remembered.answer(user, hash, password) === true
    },
  }
}

/** Revoked or expired. */
export function isShut({ revoked, expiresAtMs }: Credential, atMs: number): boolean {
  return revoked === true || (expiresAtMs !== undefined && expiresAtMs <= atMs)
}

function openingToken({ tokens = [] }: Credential, password: Buffer, atMs: number): Token | undefined {
  const text = password.toString()
  if (!text.startsWith(tokenMark)) return undefined
  const [, id, secret = ''] = text.split('.')
  return tokens.find(token => token.id === id && token.expiresAtMs > atMs && isDigestOf(token.digest, secret))
}

/** Answers given before, as a keyed digest and never as a password; the key dies with the process. */
function rememberedAnswers() {
  const key = randomBytes(32)
  const digest = (hash: string, password: Buffer) =>
    createHmac('sha256', key).update(hash).update('\0').update(password).digest()
  const known = new Map<string, { readonly digest: Buffer; readonly opens: boolean }>()
  return {
    answer(user: string, hash: string, password: Buffer): boolean | undefined {
      const last = known.get(user)
      return last !== undefined && timingSafeEqual(last.digest, digest(hash, password)) ? last.opens : undefined
    },
    note(user: string, hash: string, password: Buffer, { opens }: { opens: boolean }): void {
      // A wrong password must not push out the right one, or a stranger could make every connection expensive.
      if (opens || known.get(user)?.opens !== true) known.set(user, { digest: digest(hash, password), opens })
    },
  }
}
