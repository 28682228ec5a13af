/**
 * The MQTT broker of a district: Aedes with a cure for each of its sharp edges. A PUBACK from here means kept.
 */
import { join } from 'node:path'
import type { AcceptPublish, SendDown } from '@forewarn/contracts/intake'
import type { Clock } from '@forewarn/runtime/clock'
import { type InnerServer, startInnerServer } from '@forewarn/runtime/inner-server'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import { Aedes } from 'aedes'
import { type BrokerParts, createBrokerParts } from './broker-parts.ts'
import { type Configurations, openConfigurations } from './configuration/configurations.ts'
import { runningConfigurations } from './configuration/running-configurations.ts'
import { brokerCounts } from './counts.ts'
import { openCredentialStore } from './credential-store.ts'
import type { Credentials } from './credentials.ts'
import { createEntrance } from './entry/entrance.ts'
import { type ListenOptions, type Ports, startListeners } from './entry/listeners.ts'
import { gatewayRoutes } from './gateways-api.ts'
import { type BrokerLimits, defaultLimits, openLimits } from './limits.ts'
import { openHouseMessages } from './sessions/house-messages.ts'
import { createTraffic } from './traffic.ts'

export type { Credential, Credentials, Role } from './credentials.ts'

export interface BrokerOptions extends ListenOptions {
  readonly districtId: string
  /** By user name, which is the gateway's id. What is kept in `dataDir` goes before it. May change meanwhile. */
  readonly credentials: Credentials
  /** Called before a message is acknowledged; see contracts/intake.ts. */
  readonly accept: AcceptPublish
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** Credentials, claims and retained messages of the house are kept here; without it they end with the process. */
  readonly dataDir?: string | undefined
  readonly limits?: Partial<BrokerLimits> | undefined
  /** With it, an inner server answers: GET /health, and everything under /gateways. */
  readonly innerToken?: string | undefined
  /** Lets anybody in on any topic, and asks the house nothing. For conformance suites; never for a district. */
  readonly open?: boolean | undefined
}

export interface Broker {
  /** Of plain MQTT. */
  readonly port: number
  readonly ports: Ports
  /** Of the inner server; undefined without a token. */
  readonly url: string | undefined
  readonly send: SendDown
  /** Reads certificates again whose files have changed; it does so by itself every ten seconds. */
  reloadCertificates(): Promise<void>
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts the broker; resolves once it listens. Rejects with the system's error when a port is taken (EADDRINUSE) or
 * a certificate is missing (ENOENT), and with an Error when what it kept is damaged.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { log, dataDir } = options
  const base = options.open === true ? openLimits : defaultLimits
  const limits: BrokerLimits = { ...base, ...options.limits }
  const counts = brokerCounts(options.metrics)
  const store = await openCredentialStore({
    file: dataDir === undefined ? undefined : join(dataDir, 'gateways.json'),
    seeds: options.credentials,
  })
  const running = runningConfigurations()
  const accept: AcceptPublish = publish => {
    running.heard(publish)
    return options.accept(publish)
  }
  const parts = createBrokerParts({ ...options, accept, limits, counts, store })
  const aedes = await createAedes(options, parts)
  const messages = await openHouseMessages({
    file: dataDir === undefined ? undefined : join(dataDir, 'retained.json'),
    retained: parts.retained,
    publish: ({ topic, payload, retain }) =>
      // The callback comes when it is queued for whoever listens; nobody waits for that.
      aedes.publish({ cmd: 'publish', qos: 1, dup: false, topic, payload, retain }, () => {}),
    log,
  })
  const configurations = await openConfigurations({
    ...{ districtId: options.districtId, clock: options.clock, log },
    dir: dataDir === undefined ? undefined : join(dataDir, 'configurations'),
    ...{ retained: parts.retained, running, send: messages.send },
  })
  const listening = await listen(options, { ...parts, configurations }, aedes)
  if (options.open === true) log.warn('broker-is-open', { hint: 'anybody may connect: for conformance tests only' })
  log.info('broker-started', { host: options.host, ...listening.ports })
  const stop = onlyOnce(async () => {
    await listening.close()
    parts.stop()
    await messages.stop()
  })
  return {
    port: listening.ports.plain,
    ports: listening.ports,
    url: listening.url,
    send: messages.send,
    reloadCertificates: listening.reloadCertificates,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function createAedes(options: BrokerOptions, parts: BrokerParts): Promise<Aedes> {
  const { limits, store, guests, sessions, counts, claims } = parts
  const { districtId, clock, log } = options
  return Aedes.createBroker({
    // The default of 100 overflows the stack when thousands of clients leave at once, and lets one subscriber that
    // stopped reading hold up every topic.
    concurrency: 0,
    drainTimeout: 5000,
    connectTimeout: limits.connectTimeoutMs,
    // The default of 42 cuts a gateway that empties its outbox before its CONNACK.
    queueLimit: limits.maxPacketsBeforeConnack,
    maxInflightInbound: limits.maxUnreleased,
    // MQTT 3.1 allows 23 characters; ids of ours are longer, and its clients do not mind.
    maxClientsIdLength: limits.maxClientIdBytes,
    maxTopicLevels: 100,
    persistence: parts.persistence,
    ...createEntrance({
      districtId,
      store,
      sessions,
      guests,
      limits,
      open: options.open === true,
      callerOf: parts.callerOf,
      claimKeyOf: claims.claimKeyOf,
      admit: parts.admit,
      onRefused: counts.refused,
      clock,
      log,
    }),
    ...createTraffic({ guests, accept: parts.accept, takeClaim: claims.take, limits, counts, clock, log }),
  })
}

/** Opens every door; what was opened is closed again when one cannot be. */
async function listen(options: BrokerOptions, parts: BrokerParts & { configurations: Configurations }, aedes: Aedes) {
  const { limits, counts } = parts
  const { clock, log, innerToken } = options
  parts.watch(aedes)
  let inner: InnerServer | undefined
  try {
    inner =
      innerToken === undefined
        ? undefined
        : await startInnerServer({ token: innerToken, routes: gatewayRoutes({ ...parts, open: options.open }) })
    const listeners = await startListeners(options, {
      handshakeTimeoutMs: limits.handshakeTimeoutMs,
      maxPacketBytes: limits.maxPacketBytes,
      mayEnter: parts.mayEnter,
      onConnection: (stream, caller, request) => parts.welcome(aedes, stream, caller, request),
      onBadCertificate(reason, address) {
        counts.refused(reason)
        log.warn('connection-cut', { reason, from: address })
      },
      clock,
      log,
    })
    return {
      ports: listeners.ports,
      reloadCertificates: listeners.reloadCertificates,
      url: inner?.url,
      async close() {
        const closed = listeners.close()
        await closeAedes(aedes)
        parts.hangUp()
        await closed
        await inner?.stop()
      },
    }
  } catch (error) {
    await inner?.stop()
    await closeAedes(aedes)
    parts.stop()
    throw error
  }
}

function closeAedes(aedes: Aedes): Promise<void> {
  return new Promise(resolve => aedes.close(resolve))
}

function onlyOnce(deed: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= deed())
}
