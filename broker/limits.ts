/**
 * Every limit of the broker: its name, what it bounds and its default. Set by `FOREWARN_MQTT_LIMITS` as
 * `name=value,name=value`; docs/SECURITY.md lists them.
 */

const defaults = {
  /** Connections at a time, logged in or not. */
  maxConnections: 15_000,
  /** Connections from one address, and of one user. */
  maxConnectionsPerAddress: 2000,
  maxConnectionsPerUser: 8,
  /** New connections from one address in a minute; as many may come at once. */
  connectsPerMinutePerAddress: 1200,
  /** 1: the two limits per address apply to this machine too. The edge agent of a district connects from here. */
  limitThisMachine: 0,
  /** From the connection to the CONNECT packet, over TLS from the handshake's end; and the handshake itself. */
  connectTimeoutMs: 15_000,
  handshakeTimeoutMs: 10_000,
  /** Wrong passwords of one user from one address before that pair is shut out, and for how long. */
  maxFailedLogins: 10,
  lockOutMs: 15 * 60_000,
  /** The answer to a wrong password waits, twice as long each time, up to this. */
  maxLoginDelayMs: 5000,
  /** Packets a client may send before its CONNACK: a gateway that empties its outbox does not wait. */
  maxPacketsBeforeConnack: 5000,
  maxPacketBytesBeforeLogin: 4 * 1024,
  maxPacketBytes: 256 * 1024,
  maxTopicBytes: 1024,
  maxTopicLevels: 32,
  maxClientIdBytes: 256,
  maxSubscriptions: 64,
  /** PUBLISH packets and bytes a second of one connection, averaged over ten seconds; above it is read more slowly. */
  publishesPerSecond: 5000,
  publishBytesPerSecond: 8 * 1024 * 1024,
  /** Messages of one connection taken and not yet on disk; then it is not read. */
  maxPublishesUnderWay: 1000,
  /** Readings of all connections taken and not yet on disk; then none is read. */
  maxBytesUnderWayInAll: 64 * 1024 * 1024,
  /** QoS 2 messages of one client taken and not yet released. */
  maxUnreleased: 1000,
  /** Messages to one client sent and not yet acknowledged, and waiting behind those. */
  maxInFlight: 20,
  maxQueued: 1000,
  maxQueuedBytes: 4 * 1024 * 1024,
  /** Waiting for all clients together. */
  maxQueuedBytesInAll: 256 * 1024 * 1024,
  maxSessions: 20_000,
  maxSessionsPerUser: 8,
  /** A kept session whose client stays away for longer is forgotten. */
  maxSessionAwayMs: 7 * 24 * 3_600_000,
  maxRetained: 20_000,
  maxRetainedBytes: 64 * 1024 * 1024,
  /** A longer keep-alive, or none, counts as this. */
  maxKeepAliveS: 3600,
  /** New gateways waiting for approval. */
  maxPendingClaims: 200,
} as const

export type LimitName = keyof typeof defaults
export type BrokerLimits = Readonly<Record<LimitName, number>>

export const defaultLimits: BrokerLimits = defaults

/** Of an open broker, which conformance suites send the largest packets that MQTT allows. */
export const openLimits: BrokerLimits = {
  ...defaults,
  maxPacketBytesBeforeLogin: 512 * 1024,
  maxPacketBytes: 16 * 1024 * 1024,
  maxTopicBytes: 65_535,
  maxTopicLevels: 100,
  maxClientIdBytes: 65_535,
  maxSubscriptions: 1000,
  maxSessionsPerUser: 20_000,
  maxKeepAliveS: 65_535,
}

/** The limits of `name=value,name=value`; a sentence when that cannot be read. */
export function parseLimits(text: string): Partial<BrokerLimits> | string {
  const limits: Partial<Record<LimitName, number>> = {}
  for (const part of text.split(',').map(piece => piece.trim())) {
    if (part === '') continue
    const [name = '', value = ''] = part.split('=').map(piece => piece.trim())
    if (!isLimit(name)) return `there is no limit ${name}`
    if (!/^\d+$/.test(value)) return `${name} is a whole number`
    limits[name] = Number(value)
  }
  return limits
}

function isLimit(name: string): name is LimitName {
  return Object.hasOwn(defaults, name)
}
