/**
 * How a new gateway is taken in. It connects as `claim` with a claim key of the district and the client id
 * `claim/<its id>`, publishes a secret of its own making on `…/claim`, and waits. A person compares the fingerprint of
 * that secret with what the gateway shows and approves; then the gateway's own credential goes to that connection and
 * no other. Wherever this is cut off, the gateway says the same again: until it has acknowledged its credential it
 * is given a new one.
 */
import { randomBytes } from 'node:crypto'
import { Id } from '@forewarn/contracts/district'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import { z } from 'zod'
import type { Claim, ClaimKey, CredentialStore } from './credential-store.ts'
import { isShut, makeCredential } from './credentials.ts'
import type { Guest } from './guests.ts'
import type { BrokerLimits } from './limits.ts'
import { digestOf, isDigestOf } from './password-hash.ts'

/** The user name of everybody who claims. */
export const claimUser = 'claim'

/** What a gateway says on `…/claim`. The secret is its own, made once and kept: at least 128 random bits. */
export const ClaimMessage = z.object({
  secret: z.string().min(22).max(200),
  software: z.string().max(100).optional(),
})

/** What it is told there, each once. */
export type ClaimAnswer =
  | { readonly state: 'pending'; readonly fingerprint: string }
  | { readonly state: 'approved'; readonly username: string; readonly password: string }
  | { readonly state: 'refused'; readonly reason: ClaimRefusal }

export type ClaimRefusal = 'not-a-claim' | 'gateway-is-taken-in' | 'somebody-else-claims-this-id' | 'too-many-claims'

/** Begins every claim key. */
const keyMark = 'fwc.'

export interface Claims {
  /** The id of this key if it may claim this gateway now: not used up, or the gateway is claimed with it already. */
  claimKeyOf(password: Buffer, gateway: string): string | undefined
  /** A claimant has spoken; resolves when it is kept and answered. */
  take(guest: Guest, payload: Uint8Array): Promise<void>
  makeKey({ uses, forMs }: { uses: number; forMs: number }): Promise<{ readonly key: string; readonly id: string }>
  /** False when nobody claims this id, or with another fingerprint. */
  approve(gateway: string, fingerprint: string): Promise<boolean>
  reject(gateway: string): Promise<boolean>
}

interface ClaimParts {
  readonly store: CredentialStore
  readonly limits: BrokerLimits
  readonly clock: Clock
  readonly log: Log
  /** Says it to this connection only; resolves when the client has acknowledged it. */
  readonly answer: (guest: Guest, answer: ClaimAnswer) => Promise<void>
  /** The connections on which this id is claimed. */
  readonly claimantsOf: (gateway: string) => readonly Guest[]
}

/** Sixteen hexadecimal digits in groups of four: what two people can compare over the telephone. */
export function fingerprintOf(secret: string): string {
  const hex = Buffer.from(digestOf(`claim ${secret}`), 'base64url').toString('hex')
  return hex.slice(0, 16).replace(/(.{4})(?=.)/g, '$1-')
}

/** Claims as they stand in the store, and their way to a credential. */
export function createClaims(parts: ClaimParts): Claims {
  const { store, clock, log, claimantsOf } = parts
  const { claims } = store
  /** With which fingerprint and key each connection has claimed. */
  const saidBy = new WeakMap<Guest, string>()

  /** Makes the credential, keeps it, hands it over, and forgets the claim when the gateway has it. */
  const handOver = async (guest: Guest, gateway: string): Promise<void> => {
    const { password, credential } = await makeCredential()
    await store.setCredential(gateway, {
      ...store.credentials.get(gateway),
      ...credential,
      renewedAtMs: clock.nowMs(),
      revoked: undefined,
    })
    await parts.answer(guest, { state: 'approved', username: gateway, password })
    await store.deleteClaim(gateway)
    log.info('gateway-taken-in', { gateway, from: guest.address })
  }
  const handOverSoon = (guest: Guest, gateway: string) => {
    handOver(guest, gateway).catch((error: unknown) =>
      // Nothing is lost: the claim stands approved, and the gateway asks again.
      log.error('credential-not-handed-over', { gateway, reason: String(error) }),
    )
  }
  return {
    claimKeyOf(password, gateway) {
      if (!Id.safeParse(gateway).success || gateway === claimUser) return undefined
      const key = goodKey(parts, password)
      return key !== undefined && (key.usesLeft > 0 || claims.get(gateway)?.key === key.id) ? key.id : undefined
    },
    async take(guest, payload) {
      const message = parseClaim(payload)
      const claim = message === undefined ? 'not-a-claim' : await enter(parts, guest, message)
      if (typeof claim === 'string') return void parts.answer(guest, { state: 'refused', reason: claim })
      saidBy.set(guest, claim.fingerprint)
      if (claim.state === 'approved') return handOverSoon(guest, claim.gateway)
      void parts.answer(guest, { state: 'pending', fingerprint: claim.fingerprint })
    },
    async makeKey({ uses, forMs }) {
      const [id, secret] = [randomBytes(4).toString('hex'), randomBytes(24).toString('base64url')]
      await store.setClaimKey({ id, digest: digestOf(secret), usesLeft: uses, expiresAtMs: clock.nowMs() + forMs })
      return { key: `${keyMark}${id}.${secret}`, id }
    },
    async approve(gateway, fingerprint) {
      const claim = claims.get(gateway)
      if (claim === undefined || claim.fingerprint !== fingerprint) return false
      await store.setClaim({ ...claim, state: 'approved' })
      const waiting = claimantsOf(gateway).find(guest => saidBy.get(guest) === fingerprint)
      if (waiting !== undefined) handOverSoon(waiting, gateway)
      return true
    },
    async reject(gateway) {
      if (!claims.has(gateway)) return false
      await store.deleteClaim(gateway)
      for (const guest of claimantsOf(gateway)) guest.client.close()
      return true
    },
  }
}

function parseClaim(payload: Uint8Array): z.infer<typeof ClaimMessage> | undefined {
  try {
    return ClaimMessage.safeParse(JSON.parse(Buffer.from(payload).toString())).data
  } catch {
    // No JSON: the caller answers that it is no claim.
    return undefined
  }
}

function refusalOf(
  { store, limits, clock }: ClaimParts,
  gateway: string,
  fingerprint: string,
): ClaimRefusal | undefined {
  const claim = store.claims.get(gateway)
  if (claim !== undefined) return claim.fingerprint === fingerprint ? undefined : 'somebody-else-claims-this-id'
  const credential = store.credentials.get(gateway)
  // Who was shut out may be taken in again; who is in cannot be replaced by claiming its name.
  if (credential !== undefined && !isShut(credential, clock.nowMs())) return 'gateway-is-taken-in'
  return store.claims.size >= limits.maxPendingClaims ? 'too-many-claims' : undefined
}

/** A key pays for a gateway once, however often that gateway has to ask. */
async function useUp(store: CredentialStore, id: string): Promise<void> {
  const key = store.claimKeys.get(id)
  if (key !== undefined) await store.setClaimKey({ ...key, usesLeft: key.usesLeft - 1 })
}

/** Notes a claim, or a repeat of it; resolves when it is on disk. */
async function enter(
  parts: ClaimParts,
  guest: Guest,
  message: z.infer<typeof ClaimMessage>,
): Promise<Claim | ClaimRefusal> {
  const { store, clock, log } = parts
  const refused = refusalOf(parts, guest.user.name, fingerprintOf(message.secret))
  if (refused !== undefined) return refused
  const before = store.claims.get(guest.user.name)
  const now = clock.nowMs()
  const claim: Claim = {
    gateway: guest.user.name,
    fingerprint: fingerprintOf(message.secret),
    address: guest.address,
    key: before?.key ?? guest.user.claimKey ?? '',
    firstAtMs: before?.firstAtMs ?? now,
    lastAtMs: now,
    state: before?.state ?? 'pending',
    ...(message.software === undefined ? {} : { software: message.software }),
  }
  if (before === undefined) await useUp(store, claim.key)
  await store.setClaim(claim)
  if (before === undefined) log.info('gateway-claims', { gateway: claim.gateway, fingerprint: claim.fingerprint })
  return claim
}

/** The claim key that this text is, if it is one and has not expired. */
function goodKey({ store, clock }: ClaimParts, password: Buffer): ClaimKey | undefined {
  const text = password.toString()
  const [, id = '', secret = ''] = text.startsWith(keyMark) ? text.split('.') : []
  const key = store.claimKeys.get(id)
  return key !== undefined && isDigestOf(key.digest, secret) && key.expiresAtMs > clock.nowMs() ? key : undefined
}
