/**
 * What stands around Aedes for one broker, put together: sessions, guests, limits, claims, and the way of a connection
 * from the door to its first packet and out again.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { AcceptPublish } from '@forewarn/contracts/intake'
import { topicOf } from '@forewarn/contracts/topics'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Aedes, Client } from 'aedes'
import { type ClaimAnswer, createClaims } from './claims.ts'
import type { BrokerCounts, Holding } from './counts.ts'
import type { CredentialStore } from './credential-store.ts'
import { connectionDoor } from './entry/address-limits.ts'
import type { Caller, Entry } from './entry/entrance.ts'
import { type Guest, type Guests, guestBook } from './guests.ts'
import type { BrokerLimits } from './limits.ts'
import { meterPackets, type PacketMeter } from './packets/packet-meter.ts'
import { mayReceive, ownReadings } from './permissions.ts'
import { publishPace } from './publish-pace.ts'
import { PublishTap, type TapHouse, tapRoom } from './publish-tap.ts'
import { interceptAcknowledgements, keepAlive } from './sessions/acknowledgements.ts'
import { takeOverDeliveries } from './sessions/deliveries.ts'
import { type SharedRoom, sharedRoom } from './sessions/delivery-queue.ts'
import { persistenceFor } from './sessions/persistence.ts'
import { retainedMessages } from './sessions/retained.ts'
import { keptSessions, type Sessions } from './sessions/sessions.ts'
import { isGranted, quietLog } from './traffic.ts'

export interface PartsOptions {
  readonly districtId: string
  readonly limits: BrokerLimits
  readonly counts: BrokerCounts
  readonly store: CredentialStore
  /** Called before a message is acknowledged; see contracts/intake.ts. */
  readonly accept: AcceptPublish
  readonly clock: Clock
  readonly log: Log
}

export type BrokerParts = ReturnType<typeof createBrokerParts>

const unknownCaller: Caller = { address: '', certificate: undefined }
const sweepPeriodMs = 60_000

/** Makes the parts and ties them to each other; nothing of it listens yet. */
export function createBrokerParts(options: PartsOptions) {
  const { limits, counts, store, clock, log } = options
  const room = sharedRoom(limits.maxQueuedBytesInAll)
  const sessions = keptSessions({ ...limits, maxAwayMs: limits.maxSessionAwayMs }, { room, clock })
  const retained = retainedMessages({ maxCount: limits.maxRetained, maxBytes: limits.maxRetainedBytes })
  const guests = guestBook()
  const door = connectionDoor(limits)
  const claims = createClaims({
    store,
    limits,
    clock,
    log,
    claimantsOf: gateway => guests.ofUser(gateway).filter(({ user }) => user.role === 'claimant'),
    answer: answerClaimant(options.districtId),
  })
  const connections = createConnections(options, { door })
  const holding = () => ({
    connections: door.open,
    sessions: sessions.count,
    queuedBytes: room.usedBytes,
    retained: retained.figures().count,
    retainedBytes: retained.figures().bytes,
  })
  const stopSweeping = clock.every(sweepPeriodMs, () => sweep({ sessions, guests, counts, clock, holding }))

  return {
    ...options,
    ...connections,
    sessions,
    retained,
    guests,
    claims,
    holding,
    persistence: persistenceFor({
      sessions,
      retained,
      maxIncoming: limits.maxUnreleased,
      onRetainedFull: counts.retainedRefused,
      onQueueFull: counts.queueOverflowed,
      isGranted,
    }),
    admit: (client: Client, entry: Entry) => admitGuest({ options, connections, guests, room }, client, entry),
    /** Ends every connection of a user and forgets its sessions; its wills are not published. */
    banish(user: string) {
      for (const guest of guests.ofUser(user)) {
        guest.banished = true
        guest.client.close()
      }
      sessions.dropUser(user)
    },
    watch: (aedes: Aedes) => watch(aedes, { guests, counts, clock, log }),
    stop: stopSweeping,
  }
}

interface Admission {
  readonly options: PartsOptions
  readonly connections: ReturnType<typeof createConnections>
  readonly guests: Guests
  readonly room: SharedRoom
}

/** Makes a guest of a client that was let in. */
function admitGuest({ options, connections, guests, room }: Admission, client: Client, entry: Entry): void {
  const { limits, counts } = options
  const { user, caller, session, untilMs } = entry
  const meter = connections.meterOf(client)
  const deliveries = takeOverDeliveries(client, {
    session,
    limits,
    room,
    mayReceive: topic => mayReceive(user, topic),
    onDropped: counts.deliveryDropped,
    onQueueFull: counts.queueOverflowed,
  })
  const { address } = caller
  const guest: Guest = {
    user,
    client,
    address,
    meter,
    tap: connections.tapOf(client),
    session,
    deliveries,
    untilMs,
    banished: false,
    asked: new Set(session?.filters.keys()),
    underWay: 0,
  }
  guests.add(guest)
  meter?.admit()
  if (meter !== undefined && user.role !== 'open') keepPace(meter, { limits, counts })
  interceptAcknowledgements(client, {
    queueOf: () => deliveries.queue,
    onWrong: () => connections.cut(client, 'wrong-acknowledgement'),
  })
}

/** Says something to one claimant and no other; resolves when it is acknowledged. */
function answerClaimant(district: string) {
  return (guest: Guest, answer: ClaimAnswer): Promise<void> => {
    const topic = topicOf({ district, gateway: guest.user.name, channel: 'claim' })
    const payload = Buffer.from(JSON.stringify(answer))
    return new Promise(resolve => {
      guest.deliveries.queue.add({ topic, payload, qos: 1, retain: false, onAcknowledged: resolve })
    })
  }
}

interface Swept extends Omit<Watched, 'log'> {
  readonly sessions: Sessions
  readonly holding: () => Holding
}

/** Forgets sessions nobody came back to, and ends connections whose credential has expired. */
function sweep({ sessions, guests, counts, clock, holding }: Swept): void {
  const expired = sessions.sweep()
  if (expired > 0) counts.sessionsExpired(expired)
  const now = clock.nowMs()
  for (const guest of guests.all()) if (guest.untilMs !== undefined && guest.untilMs <= now) guest.client.close()
  counts.holding(holding())
}

/** Slows down whoever publishes too fast. */
function keepPace(meter: PacketMeter, { limits, counts }: { limits: BrokerLimits; counts: BrokerCounts }): void {
  const pace = publishPace(limits, performance.now())
  let resting = false
  meter.onPublish = bytes => {
    const restMs = pace(bytes, performance.now())
    if (restMs <= 0 || resting) return
    resting = true
    counts.slowed('publishes-too-fast')
    meter.pause()
    setTimeout(() => {
      resting = false
      meter.resume()
    }, restMs).unref()
  }
}

/** What the taps of all connections share. */
function createTapHouse({ accept, limits, counts, clock, log }: PartsOptions): TapHouse {
  const troubles = quietLog(log, clock)
  return {
    accept,
    clock,
    limits,
    room: tapRoom(limits.maxBytesUnderWayInAll),
    onAccepted: counts.accepted,
    onNotKept({ user, topic, cause }) {
      counts.notKept()
      troubles('publish-not-kept', { user, topic, reason: String(cause) })
    },
  }
}

/** The way of a connection from the door to Aedes. */
function createConnections(options: PartsOptions, { door }: { door: ReturnType<typeof connectionDoor> }) {
  const { limits, counts, clock, log } = options
  const callers = new WeakMap<object, Caller>()
  const meters = new WeakMap<object, PacketMeter>()
  const taps = new WeakMap<object, PublishTap>()
  const tapHouse = createTapHouse(options)
  const sockets = new Set<Socket>()
  const meterLimits = {
    ...limits,
    maxBytesBeforeLogin: limits.maxPacketBytesBeforeLogin,
    maxBytesAfterLogin: limits.maxPacketBytes,
    maxFilters: limits.maxSubscriptions,
  }
  const report = (reason: string, { address }: Caller, facts: Record<string, unknown>) => {
    counts.refused(reason)
    log.warn('connection-cut', { reason, from: address, ...facts })
  }
  const callerOf = ({ conn }: Client): Caller => callers.get(conn) ?? unknownCaller
  return {
    callerOf,
    meterOf: ({ conn }: Client): PacketMeter | undefined => meters.get(conn),
    tapOf: ({ conn }: Client): PublishTap | undefined => taps.get(conn),
    mayEnter(socket: Socket): boolean {
      const address = socket.remoteAddress ?? ''
      const refusal = door.enter(address, clock.nowMs())
      if (refusal !== undefined) {
        counts.refused(refusal)
        return false
      }
      sockets.add(socket)
      socket.once('close', () => {
        sockets.delete(socket)
        door.leave(address)
      })
      // A reset during a handshake or before Aedes listens is nobody's fault here.
      socket.on('error', error => log.debug('connection-failed', { from: address, reason: error.message }))
      return true
    },
    welcome(aedes: Aedes, stream: Duplex, caller: Caller, request?: IncomingMessage) {
      callers.set(stream, caller)
      const onBreach = (breach: string, bytes: number) => report(breach, caller, { bytes })
      taps.set(stream, new PublishTap(stream, tapHouse))
      meters.set(stream, meterPackets(stream, { limits: meterLimits, onBreach }))
      aedes.handle(stream, request)
    },
    /** Closes a connection that broke a rule. */
    cut(client: Client, reason: string) {
      report(reason, callerOf(client), { client: client.id })
      client.conn.destroy()
    },
    hangUp() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** From now on the readings of a gateway take the short way. */
function openTap({ user, client, tap, meter }: Guest): void {
  tap?.open({
    gateway: user.name,
    own: ownReadings(user),
    onAlive: () => keepAlive(client),
    onPublish: bytes => meter?.onPublish?.(bytes),
  })
}

interface Watched {
  readonly guests: ReturnType<typeof guestBook>
  readonly counts: BrokerCounts
  readonly clock: Clock
  readonly log: Log
}

/** Follows clients as they come and go. */
function watch(aedes: Aedes, { guests, counts, clock, log }: Watched): void {
  aedes.on('client', () => counts.connected(aedes.connectedClients))
  // Not later: a client may acknowledge something as soon as it has its CONNACK.
  aedes.on('connackSent', ({ returnCode }, client) => {
    if (returnCode !== 0) return
    const guest = guests.of(client)
    if (guest?.session !== undefined) {
      guest.session.isNew = false
      guest.session.awaySinceMs = undefined
    }
    guest?.deliveries.begin()
  })
  // What the client sent before its CONNACK is with Aedes by then, and is acknowledged first.
  aedes.on('clientReady', client => {
    const guest = guests.of(client)
    if (guest !== undefined) openTap(guest)
  })
  aedes.on('clientDisconnect', client => {
    counts.connected(aedes.connectedClients)
    const guest = guests.of(client)
    guests.remove(client)
    guest?.deliveries.end()
    // When another connection has taken the session over, it is not away.
    const isTaken = guests.ofUser(guest?.user.name ?? '').some(other => other.client.id === client.id)
    if (guest?.session !== undefined && !isTaken) guest.session.awaySinceMs = clock.nowMs()
  })
  aedes.on('unsubscribe', (filters, client) => {
    for (const filter of filters) guests.of(client)?.asked.delete(filter)
  })
  aedes.on('clientError', (client, error) => log.debug('client-failed', { client: client.id, reason: error.message }))
  aedes.on('connectionError', (_, error) => log.debug('connection-failed', { reason: error.message }))
}
