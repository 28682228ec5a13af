/**
 * Which topics a user may publish on, subscribe to and be sent. Pure; the broker's hooks ask here.
 */
import { packings, parseTopic, type TopicAddress, topicOf, upChannels } from '@forewarn/contracts/topics'
import type { Role } from './credentials.ts'
import { filterMatches, patternCovers } from './topic-filters.ts'

export interface User {
  /** User name: the gateway's id, or the dispatcher's. */
  readonly name: string
  /**
   * - `claimant`: a new gateway that asks to be taken in
   * - `open`: anybody, on a broker that was started open for a test
   */
  readonly role: Role | 'claimant' | 'open'
  readonly district: string
  /** Id of the key that a claimant came with. */
  readonly claimKey?: string | undefined
  /** Filters beyond the own topics. */
  readonly publish?: readonly string[] | undefined
  readonly subscribe?: readonly string[] | undefined
}

const downwards: ReadonlySet<string> = new Set(['config', 'command', 'orders'])
const upwards: ReadonlySet<string> = new Set(upChannels)
/** What the dispatcher says: orders to vehicles, and commands to the gateways around a warning. */
const dispatched: ReadonlySet<string> = new Set(['orders', 'command'])

/** What the editions of Eclipse Paho's test suite expect a broker to refuse. */
const neverSubscribed: ReadonlySet<string> = new Set(['test/nosubscribe', 'nosubscribe'])

/**
 * - `route`: to its subscribers, as any broker does (orders and progress)
 * - `accept`: to the house, whose promise is the PUBACK. Also for topics the user may not use: the house keeps them
 *   aside. An error would close the socket, and the client would send the same message again for ever.
 * - `accept-and-route`: both, for devices that listen to their own messages
 * - `claim`: the word of a gateway that is not taken in yet
 */
export type PublishPath = 'route' | 'accept' | 'accept-and-route' | 'claim'

/** Where a publish of this user on this topic goes. */
export function publishPath(user: User, topic: string): PublishPath {
  if (user.role === 'open') return 'route'
  if (user.role === 'claimant') return 'claim'
  if (isCovered(user.publish, topic)) return 'accept-and-route'
  const address = parseTopic(topic)
  if (address === undefined || address.district !== user.district) return 'accept'
  if (user.role === 'dispatcher') return dispatched.has(address.channel) ? 'route' : 'accept'
  return address.channel === 'progress' && address.gateway === user.name ? 'route' : 'accept'
}

/** Topics on which a gateway's readings go to the house and to nobody else. */
export function ownReadings(user: User): { topic: string; bytes: Buffer }[] {
  const { name: gateway, district } = user
  return (['readings', 'columns'] as const)
    .flatMap(channel => [undefined, ...packings].map(packing => topicOf({ district, gateway, channel, packing })))
    .filter(topic => publishPath(user, topic) === 'accept')
    .map(topic => ({ topic, bytes: Buffer.from(topic) }))
}

/** A topic the user may publish on in its own name: what its will may be on. */
export function isOwnTopic(user: User, topic: string): boolean {
  if (user.role === 'open' || isCovered(user.publish, topic)) return !topic.startsWith('$')
  const address = parseTopic(topic)
  return address !== undefined && isOwn(user, address) && upwards.has(address.channel)
}

function isOwn(user: User, address: TopicAddress): boolean {
  return address.district === user.district && address.gateway === user.name
}

function isCovered(patterns: readonly string[] | undefined, topic: string): boolean {
  return patterns?.some(pattern => filterMatches(pattern, topic)) === true
}

/** Why a subscription is refused; undefined when it is granted. Stable: it is logged and tested on. */
export type SubscribeRefusal = 'shared-subscriptions-are-not-supported' | 'not-a-topic-for-this-user'

/** Why this user may not subscribe to a filter; undefined when it may. */
export function subscribeRefusal(user: User, filter: string): SubscribeRefusal | undefined {
  // Aedes takes `$share/…` for a plain topic: granted, and nothing ever comes.
  if (filter.startsWith('$share/')) return 'shared-subscriptions-are-not-supported'
  return maySubscribe(user, filter) ? undefined : 'not-a-topic-for-this-user'
}

function maySubscribe(user: User, filter: string): boolean {
  if (user.role === 'open') return !neverSubscribed.has(filter)
  if (user.subscribe?.some(pattern => patternCovers(pattern, filter)) === true) return true
  return user.role === 'dispatcher' ? isProgressFilter(user, filter) : mayReceive(user, filter)
}

/** Of every vehicle (`+`), or of one. */
function isProgressFilter(user: User, filter: string): boolean {
  const address = parseTopic(filter)
  return address !== undefined && address.district === user.district && address.channel === 'progress'
}

/** Whether a message on this topic may be sent to the user. Readings never are: consumers sit behind the journal. */
export function mayReceive(user: User, topic: string): boolean {
  if (user.role === 'open' || isCovered(user.subscribe, topic)) return true
  const address = parseTopic(topic)
  if (address === undefined || address.district !== user.district) return false
  if (user.role === 'dispatcher') return address.channel === 'progress'
  if (address.gateway !== user.name) return false
  return user.role === 'claimant' ? address.channel === 'claim' : downwards.has(address.channel)
}
