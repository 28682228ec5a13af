/**
 * What may pass: the hooks on every publish and subscription. Here the PUBACK is held until the house has the message.
 */
import type { AcceptPublish } from '@forewarn/contracts/intake'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { AedesOptions, Client, PublishPacket } from 'aedes'
import type { BrokerCounts } from './counts.ts'
import type { Guest, Guests } from './guests.ts'
import type { BrokerLimits } from './limits.ts'
import { publishPath, subscribeRefusal } from './permissions.ts'
import { sessionMark } from './sessions/persistence.ts'

interface TrafficParts {
  readonly guests: Guests
  readonly accept: AcceptPublish
  /** A claimant has spoken. */
  readonly takeClaim: (guest: Guest, payload: Uint8Array) => Promise<void>
  readonly limits: BrokerLimits
  readonly counts: BrokerCounts
  readonly clock: Clock
  readonly log: Log
}

type Hooks = Required<Pick<AedesOptions, 'authorizePublish' | 'authorizeSubscribe'>>

/** Nobody can subscribe to it, and no wildcard matches it (MQTT 3.1.1 §4.7.2). */
const keptTopic = '$forewarn/kept'
const refusedTopic = '$forewarn/refused'
const nothing = Buffer.alloc(0)

/** Whether Aedes may keep this filter for a session: what was refused bears another name by then. */
export function isGranted({ topic }: { readonly topic: string }): boolean {
  return topic !== refusedTopic
}

/** What Aedes asks before a message goes anywhere. */
export function createTraffic(parts: TrafficParts): Hooks {
  const { guests, counts, log } = parts
  const take = createTaking(parts)
  const troubles = quietLog(log, parts.clock)

  return {
    authorizePublish(client, packet, done) {
      const guest = guests.of(client)
      // A will of a client that Aedes remembers and we do not, or of one that was shut out: nobody speaks in it.
      if (guest === undefined || guest.banished) return done(new Error('nobody published this'))
      const path = publishPath(guest.user, packet.topic)
      if (path === 'route') return done(null)
      const startMs = performance.now()
      guest.tap?.beginElsewhere()
      take(guest, packet, { isClaim: path === 'claim' }).then(
        () => {
          if (path !== 'accept-and-route') silence(packet)
          counts.accepted(performance.now() - startMs)
          done(null)
          guest.tap?.endElsewhere()
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
      const filter = subscription.topic
      if (filter === sessionMark) return done(null, null)
      const refusal = refusalFor(parts, client, filter)
      if (refusal !== undefined) {
        counts.subscriptionRefused()
        log.warn('subscription-refused', { reason: refusal, user: guests.of(client)?.user.name, filter })
        // Aedes stores refused filters of a kept session with the granted ones and would queue for them for ever.
        subscription.topic = refusedTopic
      }
      // Later, so that all filters of one SUBSCRIBE are judged before the first is stored with the others.
      setImmediate(() => done(null, refusal === undefined ? subscription : null))
    },
  }
}

function refusalFor({ guests, limits }: TrafficParts, client: Client, filter: string): string | undefined {
  const guest = guests.of(client)
  if (guest === undefined) return 'not-a-topic-for-this-user'
  guest.asked.add(filter)
  const count = guest.asked.size
  if (count > limits.maxSubscriptions) {
    guest.asked.delete(filter)
    return 'too-many-subscriptions'
  }
  return subscribeRefusal(guest.user, filter)
}

/** Hands a message over to the house, and stops reading from whoever has too many under way. */
function createTaking({ accept, takeClaim, limits, clock }: TrafficParts) {
  return async (guest: Guest, { topic, payload }: PublishPacket, { isClaim }: { isClaim: boolean }): Promise<void> => {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    guest.underWay++
    if (guest.underWay === limits.maxPublishesUnderWay) guest.meter?.pause()
    try {
      if (isClaim) await takeClaim(guest, bytes)
      else await accept({ gateway: guest.user.name, topic, payload: bytes, receivedAtMs: clock.nowMs() })
    } finally {
      if (guest.underWay === limits.maxPublishesUnderWay) guest.meter?.resume()
      guest.underWay--
    }
  }
}

/** The house has it: what Aedes routes from here on reaches nobody and keeps no memory. */
function silence(packet: PublishPacket): void {
  packet.topic = keptTopic
  packet.payload = nothing
  packet.retain = false
}

/** Says the first at once, and then at most one line every 10 s with how many it stands for. */
export function quietLog(log: Log, clock: Clock): (event: string, facts: Record<string, unknown>) => void {
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
