/**
 * Who comes in: the checks between CONNECT and CONNACK.
 */
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { AedesOptions, Client, ConnectPacket } from 'aedes'
import { claimUser } from '../claims.ts'
import type { CredentialStore } from '../credential-store.ts'
import { isShut, type Opened, passwordVerifier } from '../credentials.ts'
import type { Guests } from '../guests.ts'
import type { BrokerLimits } from '../limits.ts'
import { hashSecret, renewalOf } from '../password-hash.ts'
import { isOwnTopic, type User } from '../permissions.ts'
import type { Session, Sessions } from '../sessions/sessions.ts'
import { loginGuard } from './login-guard.ts'

/** CONNACK return codes (MQTT 3.1.1 table 3.1) by why somebody was refused. Stable: logged, counted, tested on. */
const returnCodes = {
  'unknown-user-or-wrong-password': 4,
  'shut-out-after-wrong-passwords': 4,
  'certificate-needed': 5,
  'certificate-of-somebody-else': 5,
  'client-id-of-somebody-else': 2,
  'client-id-missing': 2,
  'will-on-a-foreign-topic': 5,
  'too-many-kept-sessions': 3,
  'too-many-connections-of-user': 3,
  'claim-key-not-good': 4,
} as const
export type EntryRefusal = keyof typeof returnCodes

/** What is known of a connection before its first packet. */
export interface Caller {
  readonly address: string
  /** The gateway that its client certificate names; undefined without one. */
  readonly certificate: string | undefined
}

export interface EntranceParts {
  readonly districtId: string
  readonly store: CredentialStore
  readonly sessions: Sessions
  readonly guests: Guests
  readonly limits: BrokerLimits
  /** Lets everybody in; for conformance suites only. */
  readonly open: boolean
  readonly callerOf: (client: Client) => Caller
  readonly claimKeyOf: (password: Buffer, gateway: string) => string | undefined
  /** Makes a guest of the client. */
  readonly admit: (client: Client, entry: Entry) => void
  readonly onRefused: (refusal: EntryRefusal | 'mqtt-5') => void
  readonly clock: Clock
  readonly log: Log
}

export interface Entry {
  readonly user: User
  readonly caller: Caller
  readonly session: Session | undefined
  readonly untilMs: number | undefined
}

type Hooks = Required<Pick<AedesOptions, 'preConnect' | 'authenticate'>>

/** What Aedes asks before it lets a client in. */
export function createEntrance(parts: EntranceParts): Hooks {
  const { onRefused, log, limits, callerOf } = parts
  const requests = new WeakMap<Client, ConnectPacket>()
  const judge = createJudge(parts)

  return {
    preConnect(client, packet, done) {
      requests.set(client, packet)
      // Without a bound a client that is gone is noticed when something is sent to it, which may be never.
      if (!packet.keepalive || packet.keepalive > limits.maxKeepAliveS) packet.keepalive = limits.maxKeepAliveS
      if (packet.protocolVersion === 5) {
        onRefused('mqtt-5')
        const hint = 'Forewarn speaks MQTT 3.1.1: set the client to protocol version 4'
        const { username: user, clientId } = packet
        log.warn('mqtt5-client-refused', { user, client: clientId, from: callerOf(client).address, hint })
      }
      done(null, true)
    },
    authenticate(client, username, password, done) {
      const refuse = (verdict: EntryRefusal, { afterMs }: { afterMs: number }) => {
        onRefused(verdict)
        const from = callerOf(client).address
        log.warn('client-refused', { reason: verdict, user: username, client: client.id, from })
        const answer = () => done(Object.assign(new Error(verdict), { returnCode: returnCodes[verdict] }), null)
        // On the wall clock: whoever guesses lives by it, also in a drill.
        if (afterMs > 0) setTimeout(answer, afterMs).unref()
        else answer()
      }
      const request = requests.get(client)
      if (request === undefined) return refuse('client-id-missing', { afterMs: 0 })
      judge(client, request, { name: username ?? '', password: password ?? Buffer.alloc(0) }).then(
        verdict => {
          if ('refusal' in verdict) return refuse(verdict.refusal, { afterMs: verdict.delayMs ?? 0 })
          if (client.closed) return
          parts.admit(client, verdict)
          log.debug('client-admitted', { user: verdict.user.name, client: client.id })
          done(null, true)
        },
        (cause: unknown) => {
          log.error('client-not-judged', { user: username, reason: String(cause) })
          // 3: server unavailable. The client may try again.
          done(Object.assign(new Error('credentials could not be checked', { cause }), { returnCode: 3 }), null)
        },
      )
    },
  }
}

interface Refused {
  readonly refusal: EntryRefusal
  readonly delayMs?: number
}

interface Known {
  readonly user: User
  readonly untilMs: number | undefined
}

interface Login {
  readonly name: string
  readonly password: Buffer
}

function createJudge(parts: EntranceParts) {
  const { sessions, guests, limits } = parts
  const identify = createIdentification(parts)

  return async (client: Client, request: ConnectPacket, login: Login): Promise<Entry | Refused> => {
    const caller = parts.callerOf(client)
    // 3.1.3-8: without an id there is no session to come back to; MQTT 3.1 asks for an id always.
    if (!request.clientId && (!request.clean || request.protocolVersion === 3)) return { refusal: 'client-id-missing' }
    const isStranger = parts.open && !parts.store.credentials.has(login.name)
    const known = isStranger ? openUser(parts.districtId) : await identify(login, request, caller)
    if ('refusal' in known) return known
    const { user } = known
    if (user.role !== 'open') {
      // An empty id was filled in by Aedes with a random one (MQTT 3.1.1 §3.1.3.1) and can push nobody out.
      if (request.clientId && !isIdOf(user, request.clientId)) return { refusal: 'client-id-of-somebody-else' }
      // A connection that comes back takes the place of its own old one: that one is not counted.
      const others = guests.ofUser(user.name).filter(guest => guest.client.id !== client.id)
      if (others.length >= limits.maxConnectionsPerUser) return { refusal: 'too-many-connections-of-user' }
    }
    // Aedes takes a will on any topic and delivers it.
    if (request.will && !isOwnTopic(user, request.will.topic)) return { refusal: 'will-on-a-foreign-topic' }
    const session = client.clean ? undefined : sessions.open(client.id, user.name)
    if (!client.clean && session === undefined) return { refusal: 'too-many-kept-sessions' }
    return { user, caller, session, untilMs: known.untilMs }
  }
}

function openUser(district: string): Known {
  return { user: { name: 'open', role: 'open', district }, untilMs: undefined }
}

/** Says who logs in, by claim key, certificate, token or password. */
function createIdentification(parts: EntranceParts) {
  const { store, districtId, clock, limits } = parts
  const { credentials } = store
  const verifier = passwordVerifier(credentials)
  const guard = loginGuard(limits)

  const refused = ({ name }: Login, { address }: Caller, refusal: EntryRefusal): Refused => ({
    refusal,
    delayMs: guard.failed(name, address, clock.nowMs()),
  })
  const claimant = (login: Login, request: ConnectPacket, caller: Caller): Known | Refused => {
    const gateway = request.clientId?.slice(claimUser.length + 1) ?? ''
    if (guard.isLockedOut(login.name, caller.address, clock.nowMs()))
      return { refusal: 'shut-out-after-wrong-passwords' }
    const claimKey = request.clean && !request.will ? parts.claimKeyOf(login.password, gateway) : undefined
    if (claimKey === undefined) return refused(login, caller, 'claim-key-not-good')
    return { user: { name: gateway, role: 'claimant', district: districtId, claimKey }, untilMs: undefined }
  }
  const open = async (login: Login, caller: Caller): Promise<Opened | Refused> => {
    const { name, password } = login
    // Who was right before is let in even while a stranger at the same address guesses.
    const isLocked = guard.isLockedOut(name, caller.address, clock.nowMs())
    if (isLocked && !verifier.isKnown(name, password)) return { refusal: 'shut-out-after-wrong-passwords' }
    const opened = await verifier.verify(name, password, clock.nowMs())
    if (opened === undefined) return refused(login, caller, 'unknown-user-or-wrong-password')
    guard.succeeded(name, caller.address)
    if (opened.withPassword) void renewHash(parts, login)
    return opened
  }
  return async (login: Login, request: ConnectPacket, caller: Caller): Promise<Known | Refused> => {
    if (login.name === claimUser) return claimant(login, request, caller)
    // A certificate is an identity; a user name may be left out, but not be another one.
    const { certificate } = caller
    if (certificate !== undefined && login.name !== '' && login.name !== certificate)
      return { refusal: 'certificate-of-somebody-else' }
    const name = certificate ?? login.name
    const credential = credentials.get(name)
    if (credential?.needsCertificate === true && certificate === undefined) return { refusal: 'certificate-needed' }
    const opened =
      certificate !== undefined && credential !== undefined && !isShut(credential, clock.nowMs())
        ? { untilMs: credential.expiresAtMs }
        : await open({ name, password: login.password }, caller)
    if ('refusal' in opened) return opened
    const { role = 'gateway', publish, subscribe } = credentials.get(name) ?? {}
    return { user: { name, role, district: districtId, publish, subscribe }, untilMs: opened.untilMs }
  }
}

/** Keeps the password that was just right under a hash of today. */
async function renewHash({ store, log }: EntranceParts, { name, password }: Login): Promise<void> {
  const credential = store.credentials.get(name)
  const kind = credential?.passwordHash === undefined ? undefined : renewalOf(credential.passwordHash)
  if (kind === undefined) return
  try {
    const passwordHash = await hashSecret(password, kind)
    // Replaced or shut out while we hashed: the newer word holds.
    if (store.credentials.get(name) === credential) await store.setCredential(name, { ...credential, passwordHash })
  } catch (error) {
    log.warn('hash-not-renewed', { user: name, reason: String(error) })
  }
}

function isIdOf({ name, role }: User, clientId: string): boolean {
  if (role === 'claimant') return clientId === `${claimUser}/${name}`
  return clientId === name || clientId.startsWith(`${name}/`)
}
