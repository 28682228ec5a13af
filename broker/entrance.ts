/**
 * Who comes in: the checks between CONNECT and CONNACK, and what the broker remembers of a client from then on.
 */
import type { Log } from '@forewarn/runtime/log'
import type { AedesOptions, Client, ConnectPacket } from 'aedes'
import { type Credentials, passwordVerifier } from './credentials.ts'
import { type SeenMessages, seenMessages } from './deliveries.ts'
import type { PacketMeter } from './packet-meter.ts'
import { isOwnTopic, type User } from './permissions.ts'

export interface Guest {
  readonly user: User
  readonly seen: SeenMessages
}

/** Why somebody was refused. Stable: logged, counted, tested on. */
export type EntryRefusal =
  | 'unknown-user-or-wrong-password'
  | 'client-id-of-somebody-else'
  | 'will-on-a-foreign-topic'
  | 'too-many-kept-sessions'

/** CONNACK return codes, MQTT 3.1.1 table 3.1. */
const returnCodes = {
  'unknown-user-or-wrong-password': 4,
  'client-id-of-somebody-else': 2,
  'will-on-a-foreign-topic': 5,
  'too-many-kept-sessions': 2,
} as const satisfies Record<EntryRefusal, number>

/** Each kept session holds memory while its client is away, for ever: one user needs a few, not thousands. */
const maxKeptSessionsPerUser = 8

interface EntranceParts {
  readonly districtId: string
  readonly credentials: Credentials
  readonly meters: WeakMap<object, PacketMeter>
  readonly onRefused: (refusal: EntryRefusal | 'mqtt-5') => void
  readonly log: Log
}

type Hooks = Required<Pick<AedesOptions, 'preConnect' | 'authenticate'>>

export interface Entrance extends Hooks {
  /** Who a client is; undefined for one that has not been let in. */
  guestOf(client: Client | null): Guest | undefined
}

export function createEntrance({ districtId, credentials, meters, onRefused, log }: EntranceParts): Entrance {
  const guests = new WeakMap<Client, Guest>()
  const requests = new WeakMap<Client, ConnectPacket>()
  const keptSessions = new Map<string, Set<string>>()
  const verify = passwordVerifier(credentials)

  const keep = (user: string, client: Client): boolean => {
    if (client.clean) return true
    const ids = keptSessions.get(user) ?? new Set()
    keptSessions.set(user, ids)
    if (!ids.has(client.id) && ids.size >= maxKeptSessionsPerUser) return false
    ids.add(client.id)
    return true
  }

  const judge = async (client: Client, name: string, password: Buffer): Promise<User | EntryRefusal> => {
    const credential = credentials.get(name)
    if (credential === undefined || !(await verify(name, password))) return 'unknown-user-or-wrong-password'
    const user: User = { name, role: credential.role ?? 'gateway', district: districtId }
    const request = requests.get(client)
    // An empty id was filled in by Aedes with a random one (MQTT 3.1.1 §3.1.3.1) and can push nobody out.
    if (request?.clientId && !isIdOf(name, request.clientId)) return 'client-id-of-somebody-else'
    // Aedes takes a will on any topic, even `#`, and delivers it.
    if (request?.will && !isOwnTopic(user, request.will.topic)) return 'will-on-a-foreign-topic'
    return keep(name, client) ? user : 'too-many-kept-sessions'
  }

  const admit = (client: Client, user: User) => {
    guests.set(client, { user, seen: seenMessages() })
    meters.get(client.conn)?.admit()
    log.debug('client-admitted', { user: user.name, client: client.id })
  }

  return {
    guestOf: client => (client === null ? undefined : guests.get(client)),
    preConnect(client, packet, done) {
      requests.set(client, packet)
      if (packet.protocolVersion === 5) {
        onRefused('mqtt-5')
        const hint = 'Forewarn speaks MQTT 3.1.1: set the client to protocol version 4'
        log.warn('mqtt5-client-refused', {
          user: packet.username,
          client: packet.clientId,
          from: addressOf(client),
          hint,
        })
      }
      done(null, true)
    },
    authenticate(client, username, password, done) {
      judge(client, username ?? '', password ?? Buffer.alloc(0)).then(
        verdict => {
          if (typeof verdict !== 'string') {
            admit(client, verdict)
            return done(null, true)
          }
          onRefused(verdict)
          log.warn('client-refused', { reason: verdict, user: username, client: client.id, from: addressOf(client) })
          done(Object.assign(new Error(verdict), { returnCode: returnCodes[verdict] }), null)
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

function isIdOf(user: string, clientId: string): boolean {
  return clientId === user || clientId.startsWith(`${user}/`)
}

function addressOf({ conn }: Client): string | undefined {
  return 'remoteAddress' in conn ? conn.remoteAddress : undefined
}
