/**
 * The link to the trucks: orders down, progress up, over MQTT with QoS 1. The session is kept by the broker, so that
 * what trucks say while `alerts` restarts is not lost.
 */
import type { Command } from '@forewarn/contracts/gateway-messages'
import { ProgressMessage } from '@forewarn/contracts/order'
import { parseTopic, topicOf } from '@forewarn/contracts/topics'
import type { Log } from '@forewarn/runtime/log'
import { connectAsync } from 'mqtt'
import type { Deed } from './records.ts'

export interface RadioOptions {
  readonly districtId: string
  readonly broker: { readonly url: string; readonly username: string; readonly password: string }
  /** The gateway of each unit: a truck speaks for itself only. */
  readonly gatewayOf: ReadonlyMap<string, string>
  /** Acknowledged to the broker once it resolves; when it rejects, the message comes again. */
  readonly onProgress: (progress: ProgressMessage) => Promise<void>
  readonly log: Log
}

export interface Radio {
  /** Resolves at the broker's PUBACK. */
  send(order: Extract<Deed, { kind: 'send-order' }>): Promise<void>
  /** Resolves at the broker's PUBACK; rejects without a connection: what is said is of now. */
  command(gateway: string, command: Command): Promise<void>
  connected(): boolean
  stop(): Promise<void>
}

/** Connects and subscribes; keeps trying afterwards. Rejects when the first connection fails. */
export async function openRadio(options: RadioOptions): Promise<Radio> {
  const { districtId, broker, log } = options
  const client = await connectAsync(broker.url, {
    username: broker.username,
    password: broker.password,
    clientId: `${broker.username}/alerts`,
    clean: false,
    reconnectPeriod: 1000,
    // A subscription is made anew at each connection: the broker may have lost its memory.
    resubscribe: true,
  })
  client.on('error', error => log.warn('radio-troubled', { reason: error.message }))
  client.on('offline', () => log.warn('radio-lost'))
  client.on('connect', () => log.info('radio-connected'))
  client.handleMessage = (packet, done) => {
    receive(options, packet.topic, packet.payload).then(
      () => done(),
      (error: unknown) => {
        log.error('progress-not-kept', { topic: packet.topic, reason: String(error) })
        done()
      },
    )
  }
  await client.subscribeAsync(topicOf({ district: districtId, gateway: '+', channel: 'progress' }), { qos: 1 })
  return {
    async send({ gateway, message }) {
      const topic = topicOf({ district: districtId, gateway, channel: 'orders' })
      await client.publishAsync(topic, JSON.stringify(message), { qos: 1 })
    },
    async command(gateway, command) {
      if (!client.connected) throw new Error('no connection to the broker')
      const topic = topicOf({ district: districtId, gateway, channel: 'command' })
      await client.publishAsync(topic, JSON.stringify(command), { qos: 1 })
    },
    connected: () => client.connected,
    stop: () => client.endAsync(true),
  }
}

async function receive({ gatewayOf, onProgress, log }: RadioOptions, topic: string, payload: string | Buffer) {
  const address = parseTopic(topic)
  const progress = ProgressMessage.safeParse(parseJson(payload.toString()))
  if (!progress.success || address === undefined) {
    log.warn('progress-rejected', { topic, reason: 'not-progress' })
    return
  }
  if (gatewayOf.get(progress.data.unitId) !== address.gateway) {
    log.warn('progress-rejected', { topic, reason: 'wrong-gateway', unit: progress.data.unitId })
    return
  }
  await onProgress(progress.data)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The schema refuses undefined, and the refusal is logged.
    return undefined
  }
}
