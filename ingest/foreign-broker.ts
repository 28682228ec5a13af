/**
 * Another broker in front of the house (Mosquitto, EMQX, HiveMQ; MQTT 3.1.1): ingest as its subscriber with kept
 * sessions, which acknowledges a message only once the house has it on disk. Who speaks is read from the topic
 * (`fw/1/{district}/{gateway}/…`): that broker's access rules are trusted, and must let a gateway publish on its own
 * topics only.
 */
import type { Check } from '@forewarn/contracts/health'
import type { AcceptPublish, DownMessage } from '@forewarn/contracts/intake'
import { parseTopic } from '@forewarn/contracts/topics'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'

export interface ForeignBrokerOptions {
  /** mqtt://, mqtts://, ws:// or wss://. */
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** The beginning of the client ids: fixed, for the broker keeps the sessions under them. */
  readonly clientId: string
  readonly districtId: string
  /** Topics of devices that need no firmware of ours, and the gateway of the registry that stands for them. */
  readonly devices?: { readonly gateway: string; readonly filters: readonly string[] } | undefined
  /** Resolves once the message is on disk; see contracts/intake.ts. */
  readonly accept: AcceptPublish
  readonly clock: Clock
  readonly log: Log
}

export interface ForeignBroker {
  /** Publishes down to a gateway, QoS 1; what cannot be sent now is sent after the next connection. */
  send(message: DownMessage): void
  /** Connections that stand, and those that should. */
  connections(): { readonly up: number; readonly all: number }
  /** For `/health`. */
  check(): Check
  /** Resolves once every connection has stood and subscribed. Waits for as long as the broker is away. */
  ready(): Promise<void>
  /** Ends the connections; the broker keeps the sessions and what comes meanwhile. */
  stop(): Promise<void>
}

/** Filters that do not overlap, one connection each: a broker sends a connection only so many unacknowledged ones. */
function sharesOf({ districtId, devices }: ForeignBrokerOptions): Map<string, readonly string[]> {
  const ours = (channel: string) => `fw/1/${districtId}/+/${channel}`
  const shares = new Map<string, readonly string[]>([
    ['readings', [ours('readings'), ours('readings/zstd')]],
    ['columns', [ours('columns'), ours('columns/zstd')]],
    ['words', [ours('birth'), ours('status'), ours('alarm')]],
  ])
  if (devices !== undefined && devices.filters.length > 0) shares.set('devices', devices.filters)
  return shares
}

/** Connects and goes on connecting. Does not reject when the broker is away. */
export function startForeignBroker(options: ForeignBrokerOptions): ForeignBroker {
  const subscribers = [...sharesOf(options)].map(([name, filters]) => subscribe({ name, filters }, options))
  const [first] = subscribers
  const connections = () => ({
    up: subscribers.filter(({ client }) => client.connected).length,
    all: subscribers.length,
  })
  return {
    connections,
    check: () => checkOf(connections()),
    send({ topic, payload, retain = false }) {
      const bytes = typeof payload === 'string' ? payload : Buffer.from(payload)
      first?.client.publish(topic, bytes, { qos: 1, retain }, error => {
        if (error) options.log.warn('not-sent-down', { topic, reason: String(error) })
      })
    },
    async ready() {
      await Promise.all(subscribers.map(({ subscribed }) => subscribed))
    },
    async stop() {
      await Promise.all(subscribers.map(subscriber => subscriber.stop()))
    },
  }
}

function checkOf({ up, all }: ReturnType<ForeignBroker['connections']>): Check {
  const name = 'front-broker'
  const detail = `${up} of ${all} connections stand`
  if (up === all) return { name, status: 'ok', detail, remedy: '' }
  const remedy =
    'see that the broker of FOREWARN_BROKER_URL runs and lets the house in; what comes meanwhile waits there'
  return { name, status: up === 0 ? 'failed' : 'warning', detail, remedy }
}

interface Share {
  readonly name: string
  readonly filters: readonly string[]
}

interface Subscriber {
  readonly client: MqttClient
  readonly subscribed: Promise<void>
  stop(): Promise<void>
}

const reconnectPeriodMs = 2000

function subscribe({ name, filters }: Share, options: ForeignBrokerOptions): Subscriber {
  const { url, username, password, log } = options
  const clientId = `${options.clientId}-${name}`
  const settings: IClientOptions = {
    clientId,
    clean: false,
    protocolVersion: 4,
    reconnectPeriod: reconnectPeriodMs,
    keepalive: 30,
    // Only this code subscribes: MQTT.js would do it again by itself, and in what order is not said.
    resubscribe: false,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  }
  const client = mqtt.connect(url, settings)
  const pipeline = acknowledgeInOrder(client, options)
  const subscribed = new Promise<void>(resolve => {
    client.on('connect', () => {
      log.info('foreign-broker-connected', { clientId })
      client.subscribe([...filters], { qos: 1 }, (error, granted = []) => {
        const refused = granted.filter(({ qos }) => qos > 2).map(({ topic }) => topic)
        if (error) log.error('foreign-broker-not-subscribed', { clientId, filters, refused, reason: String(error) })
        else resolve()
      })
    })
  })
  client.on('error', error => log.warn('foreign-broker-failed', { clientId, reason: error.message }))
  client.on('offline', () => log.warn('foreign-broker-away', { clientId }))
  return {
    client,
    subscribed,
    async stop() {
      // What is on its way to the disk is still acknowledged: else it would come a second time.
      client.options.reconnectPeriod = 0
      await pipeline.end()
      await client.endAsync()
    },
  }
}

interface Pending {
  readonly messageId: number | undefined
  readonly stream: MqttClient['stream']
  isKept: boolean
}

/** Messages under way at a time, with QoS 0 too, which no broker holds back. */
const underWayAtMost = 2000
/** Given to MQTT.js in place of a PUBACK: it goes on with the next message then and sends none. */
const later = new Error('acknowledged later')

/**
 * MQTT.js handles one message at a time and acknowledges when its handler calls back: with one append a message it
 * would take some hundred a second. So the handler calls back at once without a PUBACK, and the PUBACK is written
 * here, once the message is on disk, in the order in which the messages came (MQTT 3.1.1 §4.6).
 */
function acknowledgeInOrder(client: MqttClient, options: ForeignBrokerOptions) {
  const { accept, clock, log } = options
  const pending: Pending[] = []
  let isEnding = false
  let isIdle: (() => void) | undefined
  let goOn: (() => void) | undefined

  const settle = () => {
    for (let first = pending[0]; first?.isKept === true; first = pending[0]) {
      pending.shift()
      // The session goes on in another connection: what was not acknowledged in the old one comes again in it.
      if (first.messageId !== undefined && first.stream === client.stream && client.connected)
        first.stream.write(pubackOf(first.messageId))
    }
    if (pending.length === 0) isIdle?.()
    if (pending.length < underWayAtMost) goOn?.()
  }

  const notKept = (one: Pending, topic: string, cause: unknown) => {
    log.error('publish-not-kept', { topic, reason: String(cause) })
    // No PUBACK for it and none for those behind it: the broker sends them again in the next connection (§4.4).
    const isCurrent = one.stream === client.stream
    pending.splice(0, pending.length, ...pending.filter(({ stream }) => stream !== one.stream))
    if (isCurrent) one.stream.destroy()
    settle()
  }

  client.handleMessage = (packet, callback) => {
    // Never called back: nothing more is read, and the session keeps it for the next connection.
    if (isEnding) return
    const { topic, qos, messageId } = packet
    const one: Pending = { messageId: qos > 0 ? messageId : undefined, stream: client.stream, isKept: false }
    pending.push(one)
    accept({ gateway: gatewayOf(topic, options), topic, payload: bytesOf(packet), receivedAtMs: clock.nowMs() }).then(
      () => {
        one.isKept = true
        settle()
      },
      (cause: unknown) => notKept(one, topic, cause),
    )
    const proceed = () => callback(later)
    if (pending.length < underWayAtMost) return proceed()
    goOn = () => {
      goOn = undefined
      proceed()
    }
  }

  return {
    /** Takes nothing more; resolves once what is under way is kept and acknowledged. */
    end: () =>
      new Promise<void>(resolve => {
        isEnding = true
        isIdle = resolve
        settle()
      }),
  }
}

function gatewayOf(topic: string, { devices }: ForeignBrokerOptions): string {
  return parseTopic(topic)?.gateway ?? devices?.gateway ?? ''
}

function bytesOf({ payload }: IPublishPacket): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : payload
}

/** MQTT 3.1.1 §3.4. */
function pubackOf(messageId: number): Uint8Array {
  return Uint8Array.of(0x40, 2, messageId >> 8, messageId & 0xff)
}
