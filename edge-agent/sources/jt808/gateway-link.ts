/**
 * A vehicle's own gateway towards the house: orders in, progress out, over MQTT. An order is acknowledged once it is
 * remembered on disk, not before.
 */
import { readFileSync } from 'node:fs'
import { OrderMessage, type ProgressMessage } from '@forewarn/contracts/order'
import { topicOf } from '@forewarn/contracts/topics'
import type { Log } from '@forewarn/runtime/log'
import { connect } from 'mqtt'
import { type BrokerTls, readTlsFiles } from '../../uplink/tls-files.ts'

export interface GatewayLinkOptions {
  readonly district: string
  readonly gateway: string
  readonly brokerUrl: string
  readonly tls: BrokerTls
  readonly passwordFile: string
  readonly log: Log
  /** Resolves once it is on disk. When it rejects, the broker sends the order again with the next connection. */
  readonly onOrder: (order: OrderMessage) => Promise<void>
  readonly onStrange: (payload: string) => void
}

export interface GatewayLink {
  readonly connected: boolean
  /** While the link is down what was reached is kept, and of each state the newest position. */
  say(progress: ProgressMessage): void
  stop(): Promise<void>
}

/** Connects and goes on trying. Throws when the password file cannot be read. */
export function openGatewayLink(options: GatewayLinkOptions): GatewayLink {
  const { district, gateway, brokerUrl, tls, passwordFile, log } = options
  const client = connect(brokerUrl, {
    // Beside the connection of an agent that carries this gateway's readings.
    clientId: `${gateway}/jt808`,
    username: gateway,
    password: readFileSync(passwordFile, 'utf8').trim(),
    protocolVersion: 4,
    // A kept session: an order sent while the agent was away is delivered when it is back.
    clean: false,
    reconnectPeriod: 2000,
    keepalive: 60,
    ...readTlsFiles(tls),
  })
  let unsaid: readonly ProgressMessage[] = []
  const send = (progress: ProgressMessage) => {
    client.publish(topicOf({ district, gateway, channel: 'progress' }), JSON.stringify(progress), { qos: 1 })
  }
  client.on('connect', () => {
    client.subscribe(topicOf({ district, gateway, channel: 'orders' }), { qos: 1 })
    unsaid.forEach(send)
    unsaid = []
  })
  client.on('error', error => log.warn('vehicle-link-troubled', { gateway, trouble: error.message }))
  client.handleMessage = (packet, done) => {
    hear(options, packet.payload).then(
      () => done(),
      (error: unknown) => {
        log.error('order-not-kept', { gateway, trouble: String(error) })
        // Unacknowledged: the broker sends it again with the next connection.
        client.stream.destroy()
      },
    )
  }
  return {
    get connected() {
      return client.connected
    },
    say(progress) {
      if (client.connected) send(progress)
      else unsaid = withNewest(unsaid, progress)
    },
    stop: () => client.endAsync(true),
  }
}

const unsaidAtMost = 20

function withNewest(unsaid: readonly ProgressMessage[], progress: ProgressMessage): ProgressMessage[] {
  const last = unsaid.at(-1)
  const same = last?.state === progress.state && last.orderId === progress.orderId
  return [...(same ? unsaid.slice(0, -1) : unsaid), progress].slice(-unsaidAtMost)
}

async function hear({ onOrder, onStrange }: GatewayLinkOptions, payload: string | Buffer): Promise<void> {
  const text = payload.toString()
  const order = OrderMessage.safeParse(parseJson(text))
  if (order.success) await onOrder(order.data)
  else onStrange(text)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The schema refuses undefined, and the refusal is counted.
    return undefined
  }
}
