/**
 * Kept sessions: what the broker remembers of a client between its connections, in memory and within bounds. Aedes
 * keeps such things in a persistence; this is ours, because the one that comes with it has no bound, loses sessions
 * without subscriptions, and cannot mark a repeat as one.
 */
import type { Clock } from '@forewarn/runtime/clock'
import { type FilterTree, filterTree } from '../topic-filters.ts'
import { type DeliveryQueue, deliveryQueue, type QueueLimits, type SharedRoom } from './delivery-queue.ts'

export interface SessionLimits extends QueueLimits {
  /** Kept sessions of all users together, and of one. */
  readonly maxSessions: number
  readonly maxSessionsPerUser: number
  /** A session whose client stays away for longer is forgotten, ms. */
  readonly maxAwayMs: number
}

export interface Session {
  readonly clientId: string
  readonly user: string
  /** QoS by filter. */
  readonly filters: Map<string, 0 | 1 | 2>
  readonly queue: DeliveryQueue
  /** Packet ids of QoS 2 messages taken and not yet released: all that must be known to take each once. */
  readonly incoming: Set<number>
  /** No client has been let in to it yet: a CONNACK must not call it present. */
  isNew: boolean
  /** When its client left; undefined while it is there. */
  awaySinceMs: number | undefined
}

interface Match {
  readonly clientId: string
  readonly topic: string
  readonly qos: 0 | 1 | 2
}

export interface Sessions {
  get(clientId: string): Session | undefined
  /** Finds or makes the session; undefined when there is no room for another one. */
  open(clientId: string, user: string): Session | undefined
  subscribe(session: Session, filter: string, qos: 0 | 1 | 2): void
  unsubscribe(session: Session, filter: string): void
  /** Subscriptions with QoS 1 or 2 that match this name, of clients that are there and of those that are away. */
  matching(topic: string): Match[]
  drop(clientId: string): void
  dropUser(user: string): void
  /** Forgets the sessions whose clients have stayed away too long. Returns how many. */
  sweep(): number
  readonly count: number
}

/** None yet; their queues share `room`. */
export function keptSessions(limits: SessionLimits, { room, clock }: { room: SharedRoom; clock: Clock }): Sessions {
  const sessions = new Map<string, Session>()
  const perUser = new Map<string, number>()
  const tree: FilterTree<Match> = filterTree()

  const drop = (session: Session) => {
    for (const filter of session.filters.keys()) tree.delete(filter, session.clientId)
    session.queue.clear()
    sessions.delete(session.clientId)
    const left = (perUser.get(session.user) ?? 1) - 1
    if (left > 0) perUser.set(session.user, left)
    else perUser.delete(session.user)
  }
  const dropAll = (unwanted: (session: Session) => boolean) => {
    const gone = [...sessions.values()].filter(unwanted)
    for (const session of gone) drop(session)
    return gone.length
  }
  return {
    get: clientId => sessions.get(clientId),
    open(clientId, user) {
      const known = sessions.get(clientId)
      if (known !== undefined) return known
      const ofUser = perUser.get(user) ?? 0
      if (sessions.size >= limits.maxSessions || ofUser >= limits.maxSessionsPerUser) return undefined
      const queue = deliveryQueue(limits, room)
      const session: Session = {
        clientId,
        user,
        filters: new Map(),
        queue,
        incoming: new Set<number>(),
        isNew: true,
        awaySinceMs: clock.nowMs(),
      }
      sessions.set(clientId, session)
      perUser.set(user, ofUser + 1)
      return session
    },
    subscribe(session, filter, qos) {
      session.filters.set(filter, qos)
      if (qos > 0) tree.set(filter, session.clientId, { clientId: session.clientId, topic: filter, qos })
      else tree.delete(filter, session.clientId)
    },
    unsubscribe(session, filter) {
      if (session.filters.delete(filter)) tree.delete(filter, session.clientId)
    },
    matching: topic => tree.match(topic),
    drop(clientId) {
      const session = sessions.get(clientId)
      if (session !== undefined) drop(session)
    },
    dropUser: user => void dropAll(session => session.user === user),
    sweep() {
      const longAgoMs = clock.nowMs() - limits.maxAwayMs
      return dropAll(({ awaySinceMs }) => awaySinceMs !== undefined && awaySinceMs < longAgoMs)
    },
    get count() {
      return sessions.size
    },
  }
}
