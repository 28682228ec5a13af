/**
 * One gateway's way to the broker: batches out at QoS 1, live ones before those that waited, several in flight.
 * It asks the outbox to forget a batch at its PUBACK and not before; after a lost connection everything that was
 * not acknowledged goes again, under the same sequence number.
 */
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import { connect, ErrorWithReasonCode, type MqttClient } from 'mqtt'
import type { OutboxBatch } from '../outbox/batch-record.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Announcer } from './announcer.ts'
import { type BrokerTls, readTlsFiles } from './tls-files.ts'
import { type Wording, wordBatch } from './wording.ts'

export interface UplinkGateway {
  readonly id: string
  readonly password: string
  /** What it can say, for its birth message and the first indices of its columns. */
  readonly sensors?: readonly string[]
}

export interface UplinkOptions {
  readonly brokerUrl: string
  readonly tls?: BrokerTls
  readonly gateway: UplinkGateway
  readonly outbox: Outbox
  /** What is said beside readings, and what is heard. */
  readonly announcer: Announcer
  readonly wording: Wording
  readonly clock: Clock
  readonly log: Log
  /** Told when a batch was acknowledged. */
  readonly onPublished: (readings: number) => void
  readonly onStateChanged?: (up: boolean) => void
  /** 0 ≤ x < 1; spreads reconnections, so that a thousand gateways do not return in the same second. */
  readonly random: () => number
}

export interface Uplink {
  /** A batch has just reached the disk. */
  kept(batch: OutboxBatch): void
  readonly connected: boolean
  /** From the next batch on. */
  reword(wording: Wording): void
  /** Says good-bye (retained `offline`) and disconnects; what is unacknowledged stays in the outbox. */
  stop(): Promise<void>
}

/** Batches unacknowledged at the same time. */
const window = 16

/** Live batches held in memory; beyond it they are read back from the disk like those that waited. */
const liveLimit = 32

/** A PUBACK that is missing for so long (wall time: it is a network's matter) means the connection is dead. */
const ackTimeoutMs = 60_000

const firstBackOffMs = 500
const longestBackOffMs = 30_000
/** Not more often than this on the wall clock, however fast a drill runs. */
const leastBackOffWallMs = 50

/** Begins to connect at once, and goes on until it is stopped. */
export function startUplink(options: UplinkOptions): Uplink {
  const uplink = new MqttUplink(options)
  uplink.connect()
  return uplink
}

class MqttUplink implements Uplink {
  #options: UplinkOptions
  #wording: Wording
  #client: MqttClient | undefined
  /** `first`: nobody has said no yet, so batches kept now count as live. */
  #state: 'first' | 'up' | 'down' | 'stopped' = 'first'
  #attempts = 0
  #cancelRetry: (() => void) | undefined
  #cancelWatch: () => void
  #live: OutboxBatch[] = []
  #inFlight = new Map<number, number>()
  /** Batches below this number that are unacknowledged are read back from the disk. */
  #backlogUntil: number
  #cursor = 0
  #reading = false

  constructor(options: UplinkOptions) {
    this.#options = options
    this.#wording = options.wording
    this.#backlogUntil = options.outbox.nextSequence
    this.#cancelWatch = options.clock.every(10_000 * options.clock.speed, () => this.#watch())
  }

  get connected(): boolean {
    return this.#state === 'up'
  }

  reword(wording: Wording): void {
    this.#wording = wording
  }

  connect(): void {
    const { brokerUrl, tls, gateway, announcer } = this.#options
    let files: ReturnType<typeof readTlsFiles>
    try {
      files = readTlsFiles(tls)
    } catch (error) {
      // A certificate that is being replaced may be missing for a moment; a person reads the rest in the log.
      this.#troubled(error instanceof Error ? error : new Error(String(error)))
      return this.#tryLater()
    }
    const client = connect(brokerUrl, {
      clientId: gateway.id,
      username: gateway.id,
      password: gateway.password,
      protocolVersion: 4,
      // The outbox is the session: nothing needs to be kept for us.
      clean: true,
      keepalive: 30,
      connectTimeout: 10_000,
      // Reconnection is ours, so that it backs off in the house's time and resends from the outbox.
      reconnectPeriod: 0,
      will: { topic: announcer.statusTopic, payload: Buffer.from('{"state":"offline"}'), qos: 1, retain: true },
      ...files,
    })
    this.#client = client
    client.on('connect', () => this.#whenUp(client))
    client.on('error', error => this.#troubled(error))
    client.on('close', () => this.#whenDown(client))
    client.on('message', (topic, payload) => announcer.heard(topic, payload))
  }

  #troubled(error: Error): void {
    // A refusal (MQTT 3.1.1 §3.2.2.3) or a file will not mend itself; an unreachable broker is told by uplink-lost.
    const { gateway, log } = this.#options
    const lasting = error instanceof ErrorWithReasonCode || !('port' in error)
    log[lasting ? 'warn' : 'debug'](error instanceof ErrorWithReasonCode ? 'uplink-refused' : 'uplink-troubled', {
      gateway: gateway.id,
      trouble: error.message,
    })
  }

  #whenUp(client: MqttClient): void {
    if (client !== this.#client || this.#state === 'stopped') return
    const { gateway, log, outbox, announcer, onStateChanged } = this.#options
    this.#attempts = 0
    this.#cursor = 0
    this.#backlogUntil = this.#live[0]?.sequence ?? outbox.nextSequence
    this.#state = 'up'
    log.info('uplink-connected', { gateway: gateway.id, waiting: outbox.status().readings })
    announcer.up(client)
    onStateChanged?.(true)
    this.#pump()
  }

  #whenDown(client: MqttClient): void {
    if (client !== this.#client || this.#state === 'stopped') return
    const { gateway, log, announcer, onStateChanged } = this.#options
    if (this.#state !== 'down') log.warn('uplink-lost', { gateway: gateway.id, inFlight: this.#inFlight.size })
    const wasUp = this.#state !== 'down'
    this.#state = 'down'
    this.#client = undefined
    announcer.down()
    if (wasUp) onStateChanged?.(false)
    client.end(true)
    // All of it is on disk and goes again from there.
    this.#live = []
    this.#inFlight.clear()
    this.#tryLater()
  }

  #tryLater(): void {
    const { clock, random } = this.#options
    const backOffMs = Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(this.#attempts++, 10))
    const delayMs = Math.max(backOffMs * (0.5 + random() / 2), leastBackOffWallMs * clock.speed)
    this.#cancelRetry = clock.after(delayMs, () => this.connect())
  }

  #watch(): void {
    const { clock } = this.#options
    const [oldestSentAtMs] = this.#inFlight.values()
    if (oldestSentAtMs === undefined || clock.wallDelayMs(clock.nowMs() - oldestSentAtMs) < ackTimeoutMs) return
    this.#options.log.warn('uplink-unanswered', { gateway: this.#options.gateway.id, inFlight: this.#inFlight.size })
    this.#client?.stream.destroy()
  }

  kept(batch: OutboxBatch): void {
    if (this.#state === 'down' || this.#state === 'stopped') return
    if (this.#live.length >= liveLimit) {
      this.#live = []
      this.#backlogUntil = batch.sequence + 1
    } else this.#live.push(batch)
    this.#pump()
  }

  #pump(): void {
    const client = this.#client
    if (this.#state !== 'up' || client === undefined) return
    while (this.#inFlight.size < window) {
      const batch = this.#live.shift()
      if (batch === undefined) break
      this.#send(client, batch, batch.backlog)
    }
    if (this.#inFlight.size < window && this.#cursor < this.#backlogUntil) this.#readBacklog(client)
  }

  #readBacklog(client: MqttClient): void {
    if (this.#reading) return
    this.#reading = true
    this.#options.outbox
      .next(this.#cursor)
      .then(batch => this.#sendWaited(client, batch))
      .catch(error => this.#options.log.error('outbox-not-read', { trouble: String(error) }))
      .finally(() => {
        this.#reading = false
        this.#pump()
      })
  }

  #sendWaited(client: MqttClient, batch: OutboxBatch | undefined): void {
    // The connection may have changed while the disk was read: the new one begins at the oldest again.
    if (client !== this.#client || this.#state !== 'up') return
    if (batch === undefined || batch.sequence >= this.#backlogUntil) {
      this.#cursor = this.#backlogUntil
      return
    }
    this.#cursor = batch.sequence + 1
    if (!this.#inFlight.has(batch.sequence)) this.#send(client, batch, true)
  }

  #send(client: MqttClient, batch: OutboxBatch, backlog: boolean): void {
    const { outbox, clock, announcer, onPublished } = this.#options
    const { sequence, readings } = batch
    const { channel, packing, payload } = wordBatch(batch, {
      backlog,
      wording: this.#wording,
      declared: this.#wording.format === 'columns' ? announcer.declared(readings) : undefined,
    })
    this.#inFlight.set(sequence, clock.nowMs())
    outbox.handOver(sequence)
    client.publish(announcer.topicOf(channel, packing), payload, { qos: 1 }, error => {
      if (client !== this.#client || error) return
      this.#inFlight.delete(sequence)
      outbox.acknowledge(sequence)
      onPublished(readings.length)
      this.#pump()
    })
  }

  async stop(): Promise<void> {
    const client = this.#client
    const wasUp = this.#state === 'up'
    this.#cancelRetry?.()
    this.#cancelWatch()
    if (client === undefined) return void (this.#state = 'stopped')
    // An orderly DISCONNECT does not trigger the will (MQTT 3.1.1 §3.14.4), so the good-bye is said here.
    if (wasUp) await this.#options.announcer.sayGoodbye(client)
    this.#state = 'stopped'
    this.#options.announcer.down()
    await endWithin(client, wasUp ? 1000 : 0)
  }
}

/** Ends in order, or by force when the broker does not answer in time. */
async function endWithin(client: MqttClient, withinMs: number): Promise<void> {
  await new Promise<void>(resolve => {
    const force = setTimeout(() => client.end(true, () => resolve()), withinMs)
    if (withinMs === 0) return
    client.end(false, () => {
      clearTimeout(force)
      resolve()
    })
  })
}
