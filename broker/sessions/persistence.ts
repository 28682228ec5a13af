/**
 * The kept sessions and retained messages in the shape that Aedes asks for. Queues are ours altogether: Aedes hands
 * over what is for kept sessions and is told that nothing waits; see deliveries.ts for how it is sent.
 */
import { Readable } from 'node:stream'
import type { Outgoing } from './delivery-queue.ts'
import type { RetainedMessages } from './retained.ts'
import type { Sessions } from './sessions.ts'

interface Who {
  readonly id: string
}

interface Message {
  readonly topic: string
  readonly payload: Buffer | string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
}

interface Filter {
  readonly topic: string
  readonly qos: 0 | 1 | 2
}

interface PersistenceParts {
  readonly sessions: Sessions
  readonly retained: RetainedMessages
  /** QoS 2 messages of one client that it has not released yet. */
  readonly maxIncoming: number
  readonly onRetainedFull: () => void
  readonly onQueueFull: () => void
  /** Told of each filter that was stored with a SUBSCRIBE: what was refused is not kept. */
  readonly isGranted: (filter: Filter) => boolean
}

/**
 * Stands for a kept session without subscriptions: Aedes says `session present` only when there is one (3.2.2-2).
 * The broker refuses it when Aedes restores it.
 */
export const sessionMark = '$forewarn/session'

const nothing = Buffer.alloc(0)

/** The persistence that Aedes is given: everything in it is bounded. */
export function persistenceFor(parts: PersistenceParts) {
  const { retained, onRetainedFull } = parts

  return {
    // Aedes looks at the constructor of this function: it must be async.
    async setup() {},
    async storeRetained({ topic, payload, qos }: Message) {
      if (!retained.store({ topic, payload: Buffer.from(payload), qos })) onRetainedFull()
    },
    createRetainedStreamCombi: (filters: readonly string[]) => Readable.from(retainedFor(retained, filters)),

    ...subscriptionsOf(parts),
    ...outgoingOf(parts),
    ...incomingOf(parts),

    // Wills are kept with their clients and are published by Aedes when those are lost; after a restart of the broker
    // all clients come back, so nothing of them is kept here.
    async putWill() {},
    async delWill() {},
    streamWill: () => Readable.from([]),
  }
}

function* retainedFor(retained: RetainedMessages, filters: readonly string[]) {
  for (const filter of filters)
    for (const message of retained.matching(filter)) yield { cmd: 'publish', ...message, retain: true }
}

function subscriptionsOf({ sessions, isGranted }: PersistenceParts) {
  return {
    async addSubscriptions({ id }: Who, filters: readonly Filter[]) {
      const session = sessions.get(id)
      if (session === undefined) return
      for (const filter of filters) if (isGranted(filter)) sessions.subscribe(session, filter.topic, filter.qos)
    },
    async removeSubscriptions({ id }: Who, filters: readonly string[]) {
      const session = sessions.get(id)
      if (session !== undefined) for (const filter of filters) sessions.unsubscribe(session, filter)
    },
    async subscriptionsByClient({ id }: Who): Promise<Filter[]> {
      const session = sessions.get(id)
      if (session === undefined || session.isNew) return []
      if (session.filters.size === 0) return [{ topic: sessionMark, qos: 0 }]
      return [...session.filters].map(([topic, qos]) => ({ topic, qos }))
    },
    async subscriptionsByTopic(topic: string) {
      return sessions.matching(topic)
    },
    async cleanSubscriptions({ id }: Who) {
      sessions.drop(id)
    },
  }
}

/** What Aedes hands over for kept sessions; it is told that nothing waits. */
function outgoingOf({ sessions, onQueueFull }: PersistenceParts) {
  const enqueue = (clientId: string, message: Outgoing) => {
    const session = sessions.get(clientId)
    if (session !== undefined && !session.queue.add(message)) onQueueFull()
  }
  return {
    async outgoingEnqueueCombi(subscriptions: readonly (Filter & { clientId: string })[], packet: Message) {
      const granted = new Map<string, 0 | 1 | 2>()
      for (const { clientId, qos } of subscriptions) if (qos > (granted.get(clientId) ?? 0)) granted.set(clientId, qos)
      // A copy, once: the payload is a piece of a far larger block read from the socket, which it would hold on to.
      const payload = granted.size > 0 ? Buffer.from(packet.payload) : nothing
      for (const [clientId, most] of granted) {
        const qos = Math.min(most, packet.qos) === 2 ? 2 : 1
        enqueue(clientId, { topic: packet.topic, payload, qos, retain: false })
      }
    },
    async outgoingEnqueue({ clientId }: { clientId: string }, packet: Message) {
      const qos = packet.qos === 2 ? 2 : 1
      enqueue(clientId, { topic: packet.topic, payload: Buffer.from(packet.payload), qos, retain: packet.retain })
    },
    async outgoingUpdate() {},
    async outgoingClearMessageId() {},
    outgoingStream: () => Readable.from([]),
  }
}

/** Which QoS 2 messages were taken and are not released yet. */
function incomingOf({ sessions, maxIncoming }: PersistenceParts) {
  /** Packet ids, of clients without a kept session. */
  const ofCleanClients = new Map<string, Set<number>>()
  const idsOf = ({ id }: Who) => sessions.get(id)?.incoming ?? ofCleanClients.get(id)
  return {
    async incomingStorePacket(who: Who, { messageId }: { messageId: number }) {
      const known = idsOf(who)
      if (known === undefined) ofCleanClients.set(who.id, new Set([messageId]))
      else if (known.size < maxIncoming) known.add(messageId)
      else throw new Error('too many QoS 2 messages are not released')
    },
    async incomingGetPacket(who: Who, { messageId }: { messageId: number }) {
      if (idsOf(who)?.has(messageId) !== true) throw new Error('no such packet')
      return { messageId }
    },
    async incomingDelPacket(who: Who, { messageId }: { messageId: number }) {
      if (idsOf(who)?.delete(messageId) !== true) throw new Error('no such packet')
    },
    async cleanIncoming({ id }: Who) {
      ofCleanClients.delete(id)
    },
  }
}
