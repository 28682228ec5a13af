/**
 * What may pass: the hooks on every publish, subscription and delivery. Here the PUBACK is held until the house has
 * the message.
 */
import type { AcceptPublish } from '@forewarn/contracts/intake'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { AedesOptions, Client, PublishPacket } from 'aedes'
import type { BrokerCounts } from './counts.ts'
import type { Guest } from './entrance.ts'
import { mayReceive, publishPath, subscribeRefusal } from './permissions.ts'

interface TrafficParts {
  readonly guestOf: (client: Client | null) => Guest | undefined
  readonly accept: AcceptPublish
  readonly counts: BrokerCounts
  readonly clock: Clock
  readonly log: Log
}

type Hooks = Required<Pick<AedesOptions, 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'>>

/** Nobody can subscribe to it, and no wildcard matches it (MQTT 3.1.1 §4.7.2). */
const keptTopic = '$forewarn/kept'
const refusedTopic = '$forewarn/refused'
const nothing = Buffer.alloc(0)

export function createTraffic({ guestOf, accept, counts, clock, log }: TrafficParts): Hooks {
  const troubles = quietLog(log, clock)

  const take = async (guest: Guest, packet: PublishPacket) => {
    const { topic, payload } = packet
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    await accept({ gateway: guest.user.name, topic, payload: bytes, receivedAtMs: clock.nowMs() })
  }

  return {
    authorizePublish(client, packet, done) {
      const guest = guestOf(client)
      // A will of a client that Aedes remembers and we do not: no gateway speaks in it.
      if (guest === undefined) return done(new Error('nobody published this'))
      if (publishPath(guest.user, packet.topic) === 'route') return done(null)
      const startMs = performance.now()
      take(guest, packet).then(
        () => {
          silence(packet)
          counts.accepted(performance.now() - startMs)
          done(null)
        },
        (cause: unknown) => {
          counts.notKept()
          troubles('publish-not-kept', { user: guest.user.name, topic: packet.topic, reason: String(cause) })
          // No PUBACK and no connection: the client comes again with the same message (MQTT 3.1.1 §4.4).
          done(new Error('the message could not be kept', { cause }))
        },
      )
    },

    authorizeSubscribe(client, subscription, done) {
      const user = guestOf(client)?.user
      const filter = subscription.topic
      const refusal = user === undefined ? 'not-a-topic-for-this-user' : subscribeRefusal(user, filter)
      if (refusal !== undefined) {
        counts.subscriptionRefused()
        log.warn('subscription-refused', { reason: refusal, user: user?.name, filter })
        // Aedes stores refused filters of a kept session with the granted ones and would queue for them for ever.
        subscription.topic = refusedTopic
      }
      // Later, so that all filters of one SUBSCRIBE are judged before the first is stored with the others.
      setImmediate(() => done(null, refusal === undefined ? subscription : null))
    },

    authorizeForward(client, packet) {
      const guest = guestOf(client)
      if (guest === undefined || !mayReceive(guest.user, packet.topic)) return null
      // A subscriber that stops reading would hold up everybody else of its topic until the drain timeout.
      if (packet.qos === 0 && client.conn.writableNeedDrain) {
        counts.deliveryDropped()
        return null
      }
      // Retained messages and those of the outbox have no number of this life: they are not repeated.
      return !packet.brokerId || guest.seen.isNew(packet.brokerCounter) ? packet : null
    },
  }
}

/** The house has it: what Aedes routes from here on reaches nobody and keeps no memory. */
function silence(packet: PublishPacket): void {
  packet.topic = keptTopic
  packet.payload = nothing
  packet.retain = false
}

/** Says the first at once, and then at most one line every 10 s with how many it stands for. */
function quietLog(log: Log, clock: Clock): (event: string, facts: Record<string, unknown>) => void {
  const everyMs = 10_000
  let unsaid = 0
  let saidAtMs = Number.NEGATIVE_INFINITY
  return (event, facts) => {
    unsaid++
    const nowMs = clock.nowMs()
    if (nowMs - saidAtMs < everyMs * clock.speed) return
    log.error(event, { ...facts, times: unsaid })
    saidAtMs = nowMs
    unsaid = 0
  }
}
