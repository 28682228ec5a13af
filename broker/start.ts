/**
 * The MQTT broker of a district: Aedes with a cure for each of its sharp edges. A PUBACK from here means kept.
 */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { AcceptPublish } from '@forewarn/contracts/intake'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import { Aedes } from 'aedes'
import { type BrokerCounts, brokerCounts } from './counts.ts'
import type { Credentials } from './credentials.ts'
import { disarmDuplicateTest } from './deliveries.ts'
import { createEntrance } from './entrance.ts'
import { boundKeptSessions } from './kept-sessions.ts'
import { meterPackets, type PacketMeter } from './packet-meter.ts'
import { createTraffic } from './traffic.ts'

export type { Credential, Credentials, Role } from './credentials.ts'

export interface BrokerOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly districtId: string
  /** By user name, which is the gateway's id. May change while the broker runs. */
  readonly credentials: Credentials
  /** Called before a message is acknowledged; see contracts/intake.ts. */
  readonly accept: AcceptPublish
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** Connections at a time, logged in or not. */
  readonly maxConnections?: number
}

export interface Broker {
  readonly port: number
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Messages that wait for a client with a kept session while it is away (mosquitto keeps as many). */
const maxQueuedPerClient = 1000

/** Starts the broker; resolves once it listens. Rejects with the system's error when the port is taken (EADDRINUSE). */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { accept, clock, log } = options
  const counts = brokerCounts(options.metrics)
  const meters = new WeakMap<object, PacketMeter>()
  const { districtId, credentials } = options
  const entrance = createEntrance({ districtId, credentials, meters, onRefused: counts.refused, log })
  const aedes = await Aedes.createBroker({
    // The default of 100 overflows the stack when thousands of clients leave at once, and lets one subscriber that
    // stopped reading hold up every topic.
    concurrency: 0,
    drainTimeout: 5000,
    // Packets a client may send before its CONNACK: the default of 42 cuts a gateway that empties its outbox.
    queueLimit: 5000,
    // MQTT 3.1 allows 23 characters; ids of ours are longer, and its clients do not mind.
    maxClientsIdLength: 256,
    preConnect: entrance.preConnect,
    authenticate: entrance.authenticate,
    ...createTraffic({ guestOf: entrance.guestOf, accept, counts, clock, log }),
  })
  boundKeptSessions(aedes, { maxQueued: maxQueuedPerClient, onDropped: counts.queueOverflowed })
  listenToClients(aedes, { counts, log })
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.setNoDelay(true)
    meters.set(socket, meterPackets(socket, { onTooLarge: bytes => reportTooLarge(socket, bytes, { counts, log }) }))
    aedes.handle(socket)
  })
  server.maxConnections = options.maxConnections ?? 15_000
  const stop = onlyOnce(() => stopAll(aedes, server, sockets))
  try {
    await listen(server, options)
  } catch (error) {
    await closeAedes(aedes)
    throw error
  }
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port
  log.info('broker-started', { host: options.host, port })
  return { port, stop, [Symbol.asyncDispose]: stop }
}

function listenToClients(aedes: Aedes, { counts, log }: { counts: BrokerCounts; log: Log }): void {
  aedes.on('client', client => {
    disarmDuplicateTest(client)
    counts.connected(aedes.connectedClients)
  })
  aedes.on('clientDisconnect', () => counts.connected(aedes.connectedClients))
  aedes.on('clientError', (client, error) => log.debug('client-failed', { client: client.id, reason: error.message }))
  aedes.on('connectionError', (_, error) => log.debug('connection-failed', { reason: error.message }))
}

function reportTooLarge(socket: Socket, bytes: number, { counts, log }: { counts: BrokerCounts; log: Log }): void {
  counts.refused('packet-too-large')
  log.warn('connection-cut', { reason: 'packet-too-large', from: socket.remoteAddress, bytes })
}

async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  // The default backlog of 511 makes ten thousand gateways wait for repeated SYNs after a power cut.
  server.listen({ host, port, backlog: 4096 })
  await once(server, 'listening')
}

async function stopAll(aedes: Aedes, server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = server.listening ? once(server, 'close') : undefined
  server.close()
  await closeAedes(aedes)
  for (const socket of sockets) socket.destroy()
  await closed
}

function closeAedes(aedes: Aedes): Promise<void> {
  return new Promise(resolve => aedes.close(resolve))
}

function onlyOnce(deed: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= deed())
}
