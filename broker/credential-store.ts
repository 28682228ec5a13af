/**
 * The credentials of gateways, their claims and the keys for claiming, in one file that only its owner can read. The
 * broker process is its only writer; the command line asks it over the inner server. What a caller was told to be
 * done is on disk.
 */
import { readFile } from 'node:fs/promises'
import { isMissing } from '@forewarn/runtime/kept-file'
import { z } from 'zod'
import { type Credential, type Credentials, roles } from './credentials.ts'
import { wholeFile } from './whole-file.ts'

const StoredCredential = z.object({
  passwordHash: z.string().optional(),
  previous: z.object({ passwordHash: z.string(), untilMs: z.number() }).optional(),
  renewedAtMs: z.number().optional(),
  tokens: z.array(z.object({ id: z.string(), digest: z.string(), expiresAtMs: z.number() })).optional(),
  role: z.enum(roles).optional(),
  expiresAtMs: z.number().optional(),
  revoked: z.boolean().optional(),
  needsCertificate: z.boolean().optional(),
  publish: z.array(z.string()).optional(),
  subscribe: z.array(z.string()).optional(),
})

/** A gateway that wants to be taken in. */
export const Claim = z.object({
  gateway: z.string(),
  /** Of the secret that the gateway made for its claim: shown on its label or in its log, compared by a person. */
  fingerprint: z.string(),
  software: z.string().optional(),
  address: z.string(),
  /** Id of the claim key it came with. */
  key: z.string(),
  firstAtMs: z.number(),
  lastAtMs: z.number(),
  /** `approved`: a person has said yes; it gets its credential at its next word. */
  state: z.enum(['pending', 'approved']),
})
export type Claim = z.infer<typeof Claim>

export const ClaimKey = z.object({ id: z.string(), digest: z.string(), usesLeft: z.number(), expiresAtMs: z.number() })
export type ClaimKey = z.infer<typeof ClaimKey>

const StoreFile = z.object({
  version: z.literal(1),
  gateways: z.record(z.string(), StoredCredential),
  claims: z.record(z.string(), Claim),
  claimKeys: z.record(z.string(), ClaimKey),
})

export interface CredentialStore {
  /** Those of the file over those it was opened with. Live. */
  readonly credentials: Credentials
  readonly claims: ReadonlyMap<string, Claim>
  readonly claimKeys: ReadonlyMap<string, ClaimKey>
  /** Each resolves when it is on disk. */
  setCredential(user: string, credential: Credential): Promise<void>
  setClaim(claim: Claim): Promise<void>
  deleteClaim(gateway: string): Promise<void>
  setClaimKey(key: ClaimKey): Promise<void>
  deleteClaimKey(id: string): Promise<void>
}

/**
 * Opens the store; without a file nothing outlives the process. `seeds` are the credentials of the district, kept
 * elsewhere. Throws on a damaged file: starting without it would let revoked gateways in again.
 */
export async function openCredentialStore({
  file,
  seeds,
}: {
  file: string | undefined
  seeds: Credentials
}): Promise<CredentialStore> {
  const kept = file === undefined ? undefined : await readStore(file)
  const changed = new Map<string, Credential>(Object.entries(kept?.gateways ?? {}))
  const claims = new Map(Object.entries(kept?.claims ?? {}))
  const claimKeys = new Map(Object.entries(kept?.claimKeys ?? {}))
  const whole = file === undefined ? undefined : wholeFile(file)
  const save = async () => {
    const content = {
      version: 1,
      gateways: Object.fromEntries(changed),
      claims: Object.fromEntries(claims),
      claimKeys: Object.fromEntries(claimKeys),
    }
    await whole?.write(() => `${JSON.stringify(content, null, 2)}\n`)
  }
  return {
    credentials: layered(changed, seeds),
    claims,
    claimKeys,
    setCredential: (user, credential) => (changed.set(user, credential), save()),
    setClaim: claim => (claims.set(claim.gateway, claim), save()),
    deleteClaim: gateway => (claims.delete(gateway), save()),
    setClaimKey: key => (claimKeys.set(key.id, key), save()),
    deleteClaimKey: id => (claimKeys.delete(id), save()),
  }
}

async function readStore(file: string): Promise<z.infer<typeof StoreFile> | undefined> {
  try {
    return StoreFile.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw new Error(`the credentials in ${file} cannot be read`, { cause })
  }
}

/** Looks in the first map, then in the second; both may change. */
function layered(over: ReadonlyMap<string, Credential>, under: Credentials): Credentials {
  const merged = () => new Map([...under, ...over])
  return {
    get: user => over.get(user) ?? under.get(user),
    has: user => over.has(user) || under.has(user),
    get size() {
      return merged().size
    },
    entries: () => merged().entries(),
    keys: () => merged().keys(),
    values: () => merged().values(),
    forEach(deed) {
      for (const [user, credential] of merged()) deed(credential, user, this)
    },
    [Symbol.iterator]: () => merged()[Symbol.iterator](),
  }
}
