/**
 * Acknowledgements of clients go to our queues and not to Aedes, which takes any for any message: a PUBACK for what
 * was sent with QoS 2 would settle it half way.
 */
import type { Client } from 'aedes'
import type { Acknowledgement, DeliveryQueue } from './delivery-queue.ts'

const kinds: ReadonlySet<unknown> = new Set(['puback', 'pubrec', 'pubcomp'])

interface Acknowledging {
  readonly cmd: Acknowledgement
  readonly messageId: number
}

function isAcknowledging(packet: unknown): packet is Acknowledging {
  return (
    typeof packet === 'object' &&
    packet !== null &&
    'cmd' in packet &&
    kinds.has(packet.cmd) &&
    'messageId' in packet &&
    typeof packet.messageId === 'number'
  )
}

interface PacketSource {
  listeners(event: 'packet'): unknown[]
  removeAllListeners(event: 'packet'): unknown
  on(event: 'packet', heard: (this: unknown, packet: unknown) => void): unknown
}

function isPacketSource(value: unknown): value is PacketSource {
  return typeof value === 'object' && value !== null && 'listeners' in value && 'removeAllListeners' in value
}

/**
 * Takes the acknowledgements out of what Aedes' parser hands on. `queueOf` is undefined before the client is in.
 * `onWrong`: an acknowledgement of the wrong kind; the connection is to be closed.
 */
export function interceptAcknowledgements(
  client: Client,
  { queueOf, onWrong }: { queueOf: () => DeliveryQueue | undefined; onWrong: () => void },
): void {
  const parser: unknown = Reflect.get(client, '_parser')
  if (!isPacketSource(parser)) throw new Error('this Aedes reads its packets in a way that is not known here')
  const [enqueue] = parser.listeners('packet')
  if (typeof enqueue !== 'function') throw new Error('this Aedes listens to no packets')
  parser.removeAllListeners('packet')
  parser.on('packet', packet => {
    const queue = isAcknowledging(packet) ? queueOf() : undefined
    if (queue === undefined || !isAcknowledging(packet)) return void Reflect.apply(enqueue, parser, [packet])
    keepAlive(client)
    if (!queue.acknowledge(packet.cmd, packet.messageId)) onWrong()
  })
}

/** Every packet is a sign of life (3.1.2-24), those that Aedes does not see too. */
export function keepAlive(client: Client): void {
  const timer: unknown = Reflect.get(client, '_keepaliveTimer')
  if (timer !== null && typeof timer === 'object' && 'refresh' in timer && typeof timer.refresh === 'function')
    timer.refresh()
}
