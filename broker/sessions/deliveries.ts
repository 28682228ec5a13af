/**
 * How messages reach a client: each once, at the lower of its own QoS and the best its subscriptions ask for, in
 * order, with a window. Takes the place of Aedes' own delivery functions, which drop an order (QoS 1) that a later
 * message overtook (moscajs/aedes issues 955 and 994), find the granted QoS by topic name only, and know no window.
 */
import type { Client } from 'aedes'
import { publishBytes } from '../packet-bytes.ts'
import { filterMatches } from '../topic-filters.ts'
import { type DeliveryQueue, deliveryQueue, type QueueLimits, type SharedRoom } from './delivery-queue.ts'
import type { Session } from './sessions.ts'

/** What Aedes passes to a subscriber; `brokerId` is absent for retained messages, which are never repeats. */
interface Passing {
  readonly topic: string
  readonly payload: Buffer | string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly brokerId?: string | null | undefined
  readonly brokerCounter?: number | undefined
}

interface DeliveryParts {
  readonly session: Session | undefined
  readonly limits: QueueLimits
  readonly room: SharedRoom
  readonly mayReceive: (topic: string) => boolean
  /** A QoS 0 message was not sent because the client does not read. */
  readonly onDropped: () => void
  /** A QoS 1 or 2 message was dropped because too many wait. */
  readonly onQueueFull: () => void
}

export interface Deliveries {
  readonly queue: DeliveryQueue
  /** CONNACK is out: what waits may go. */
  begin(): void
  end(): void
}

/** Puts our delivery in the place of Aedes' own for this client; must run before its subscriptions are restored. */
export function takeOverDeliveries(client: Client, parts: DeliveryParts): Deliveries {
  const { session, onDropped, onQueueFull } = parts
  const queue = session?.queue ?? deliveryQueue(parts.limits, parts.room)
  const seen = seenMessages()
  const filters = subscriptionsOf(client)

  const deliver = (message: Passing) => {
    const { topic, retain, brokerId, brokerCounter = 0 } = message
    if (!parts.mayReceive(topic)) return
    if (brokerId && !seen.isNew(brokerCounter)) return
    const qos = Math.min(message.qos, grantedQos(filters(), topic) ?? 2)
    if (qos === 0) {
      // A subscriber that stops reading would hold up everybody else of its topic until the drain timeout.
      if (client.conn.writableNeedDrain) return onDropped()
      client.conn.write(
        publishBytes({ topic, payload: asBuffer(message.payload), qos: 0, retain, dup: false, packetId: 0 }),
      )
    }
    // What is for a kept session was queued in it before it was passed on; a retained message was not.
    else if (session === undefined || !brokerId) {
      const payload = Buffer.from(message.payload)
      if (!queue.add({ topic, payload, qos: qos === 2 ? 2 : 1, retain })) onQueueFull()
    }
  }
  const passed = (message: Passing, done: () => void) => {
    // Later: thousands of subscribers in one turn would overflow the stack.
    setImmediate(done)
    // And the publisher has its answer before it hears its own message.
    setImmediate(deliver, message)
  }
  Object.assign(client, { deliver0: passed, deliverQoS: passed })
  if (client.version === 3 && session?.isNew === false) hideSessionPresent(client)
  return {
    queue,
    begin: () => queue.attach(bytes => client.conn.write(bytes)),
    end() {
      queue.detach()
      if (session === undefined) queue.clear()
    },
  }
}

/**
 * MQTT 3.1 knows no `session present`: that byte of its CONNACK is reserved. Aedes' writer sends the packet in pieces,
 * of which it is the third.
 */
function hideSessionPresent({ conn }: Client): void {
  const write: unknown = Reflect.get(conn, 'write')
  if (typeof write !== 'function') return
  let pieces = 0
  const writeConnack = (piece: unknown, ...rest: unknown[]): unknown => {
    pieces++
    if (pieces >= 3) Reflect.deleteProperty(conn, 'write')
    return Reflect.apply(write, conn, [pieces === 3 ? Buffer.from([0]) : piece, ...rest])
  }
  Object.defineProperty(conn, 'write', { value: writeConnack, configurable: true, writable: true })
}

/** The best QoS that these subscriptions ask for on this topic (3.3.5-1); undefined when none matches. */
function grantedQos(filters: readonly (readonly [string, number])[], topic: string): number | undefined {
  let best: number | undefined
  for (const [filter, qos] of filters)
    if ((best === undefined || qos > best) && (filter === topic || filterMatches(filter, topic))) best = qos
  return best
}

/** Reads the subscriptions that Aedes keeps on its client: QoS by filter. */
function subscriptionsOf(client: Client): () => [string, number][] {
  return () => {
    const kept: unknown = Reflect.get(client, 'subscriptions')
    if (typeof kept !== 'object' || kept === null) return []
    return Object.entries(kept).flatMap(([filter, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null && 'qos' in value && typeof value.qos === 'number'
        ? [[filter, value.qos]]
        : [],
    )
  }
}

function asBuffer(payload: Buffer | string): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload) : payload
}

interface SeenMessages {
  /** True the first time for each number. */
  isNew(counter: number): boolean
}

/** The last numbers sent to one client; overlapping filters ask for one message several times within moments. */
function seenMessages({ keep = 1024 }: { keep?: number } = {}): SeenMessages {
  const numbers = new Set<number>()
  return {
    isNew(counter) {
      if (numbers.has(counter)) return false
      numbers.add(counter)
      if (numbers.size <= keep) return true
      // A Set iterates in the order of insertion: the first is the oldest.
      for (const oldest of numbers) {
        numbers.delete(oldest)
        break
      }
      return true
    },
  }
}
