/**
 * Which topics a user may publish on, subscribe to and be sent. Pure; the broker's hooks ask here.
 */
import { parseTopic, type TopicAddress, upChannels } from '@forewarn/contracts/topics'
import type { Role } from './credentials.ts'

export interface User {
  /** User name: the gateway's id, or the dispatcher's. */
  readonly name: string
  readonly role: Role
  readonly district: string
}

const downwards: ReadonlySet<string> = new Set(['config', 'command', 'orders'])
const upwards: ReadonlySet<string> = new Set(upChannels)

/**
 * - `route`: to its subscribers, as any broker does (orders and progress)
 * - `accept`: to the house, whose promise is the PUBACK. Also for topics the user may not use: the house keeps them
 *   aside. An error would close the socket, and the client would send the same message again for ever.
 */
export type PublishPath = 'route' | 'accept'

export function publishPath(user: User, topic: string): PublishPath {
  const address = parseTopic(topic)
  if (address === undefined || address.district !== user.district) return 'accept'
  if (user.role === 'dispatcher') return address.channel === 'orders' ? 'route' : 'accept'
  return address.channel === 'progress' && address.gateway === user.name ? 'route' : 'accept'
}

/** A topic the user may publish on in its own name. */
export function isOwnTopic(user: User, topic: string): boolean {
  const address = parseTopic(topic)
  return address !== undefined && isOwn(user, address) && upwards.has(address.channel)
}

function isOwn(user: User, address: TopicAddress): boolean {
  return address.district === user.district && address.gateway === user.name
}

/** Why a subscription is refused; undefined when it is granted. Stable: it is logged and tested on. */
export type SubscribeRefusal = 'shared-subscriptions-are-not-supported' | 'not-a-topic-for-this-user'

export function subscribeRefusal(user: User, filter: string): SubscribeRefusal | undefined {
  // Aedes takes `$share/…` for a plain topic: granted, and nothing ever comes.
  if (filter.startsWith('$share/')) return 'shared-subscriptions-are-not-supported'
  if (user.role === 'dispatcher') return isProgressFilter(user, filter) ? undefined : 'not-a-topic-for-this-user'
  return mayReceive(user, filter) ? undefined : 'not-a-topic-for-this-user'
}

/** Of every vehicle (`+`), or of one. */
function isProgressFilter(user: User, filter: string): boolean {
  const address = parseTopic(filter)
  return address !== undefined && address.district === user.district && address.channel === 'progress'
}

/** Whether a message on this topic may be sent to the user. Readings never are: consumers sit behind the journal. */
export function mayReceive(user: User, topic: string): boolean {
  const address = parseTopic(topic)
  if (address === undefined || address.district !== user.district) return false
  if (user.role === 'dispatcher') return address.channel === 'progress'
  return address.gateway === user.name && downwards.has(address.channel)
}
