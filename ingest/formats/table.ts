/**
 * Which format a message is in, by its topic: the house's own channels first, then those of ordinary devices.
 */
import type { Publish } from '@forewarn/contracts/intake'
import { type Channel, parseTopic } from '@forewarn/contracts/topics'
import type { Births } from '../births.ts'
import type { Gateways } from '../gateways/gateways.ts'
import { columnsFormat } from './columns.ts'
import { type Format, type Refused, refused } from './format.ts'
import { alarmFormat, birthFormat, type KeepAlarm, type OnStatus, statusFormat } from './gateway-words.ts'
import { packedWithZstd } from './packing.ts'
import { readReadings } from './readings.ts'

/** A format of ordinary devices: which topics are its, and how their messages are read. */
export interface ForeignFormat {
  readonly name: string
  /** MQTT topic filter, with `+` and `#`. */
  readonly filter: string
  readonly read: Format
}

export interface FormatParts {
  readonly districtId: string
  readonly births: Births
  readonly gateways: Gateways
  readonly askRebirth: (gatewayId: string) => void
  readonly onStatus: OnStatus
  readonly keepAlarm: KeepAlarm
  /** Told once the sensor list of a gateway's birth is on disk. */
  readonly onBorn: (gateway: string) => void
  /** In order: the first whose filter fits reads the message. */
  readonly foreign: readonly ForeignFormat[]
}

/** Finds the format of a message; refused where nobody reads its topic, or the topic is somebody else's. */
export function formatTable(parts: FormatParts): (publish: Publish) => Format | Refused {
  const { districtId, foreign } = parts
  const ours = ownFormats(parts)
  const fits = foreign.map(({ filter, read }) => ({ matches: topicMatcher(filter), read }))
  return ({ gateway, topic }) => {
    if (!topic.startsWith('fw/')) return fits.find(({ matches }) => matches(topic))?.read ?? unknownTopic(topic)
    const address = parseTopic(topic)
    if (address === undefined) return unknownTopic(topic)
    if (address.district !== districtId || address.gateway !== gateway)
      return refused('foreign-topic', `gateway ${gateway} may not speak on ${topic}`)
    const format = (address.packing === undefined ? ours.plain : ours.packed).get(address.channel)
    return format ?? notTaken(address.channel, topic)
  }
}

function ownFormats({ births, gateways, askRebirth, onStatus, onBorn, keepAlarm }: FormatParts) {
  const columns = columnsFormat({ births, askRebirth })
  const plain = new Map<Channel, Format>([
    ['readings', readReadings],
    ['columns', columns],
    ['birth', birthFormat({ births, gateways, onBorn })],
    ['status', statusFormat({ gateways, onStatus })],
    ['alarm', alarmFormat(keepAlarm)],
  ])
  const packed = new Map<Channel, Format>([
    ['readings', packedWithZstd(readReadings)],
    ['columns', packedWithZstd(columns)],
  ])
  return { plain, packed }
}

const downwards: ReadonlySet<Channel> = new Set(['config', 'command', 'orders'])

function notTaken(channel: Channel, topic: string): Refused {
  // A gateway has nothing to say on the channels that lead down to it.
  return downwards.has(channel) ? refused('foreign-topic', `a gateway only listens on ${topic}`) : unknownTopic(topic)
}

function unknownTopic(topic: string): Refused {
  return refused('unknown-topic', `nothing is taken on ${topic}`)
}

/** Whether a topic fits an MQTT filter (MQTT 3.1.1 §4.7): `+` is one level, `#` all from there on. */
export function topicMatcher(filter: string): (topic: string) => boolean {
  const wanted = filter.split('/')
  const isOpen = wanted.at(-1) === '#'
  const fixed = isOpen ? wanted.slice(0, -1) : wanted
  return topic => {
    const levels = topic.split('/')
    if (isOpen ? levels.length < fixed.length : levels.length !== fixed.length) return false
    return fixed.every((level, place) => level === '+' || level === levels[place])
  }
}
