/**
 * The MQTT topics of a district: `fw/1/{district}/{gateway}/{channel}`. Version 1 stands in the topic, so that an
 * old gateway and a new house can tell each other apart.
 */

/** Channels a gateway may publish on (`up`) and those it may only listen to (`down`). */
export const upChannels = ['readings', 'columns', 'birth', 'status', 'progress', 'claim', 'alarm'] as const
export const downChannels = ['config', 'command', 'orders'] as const
export type UpChannel = (typeof upChannels)[number]
export type DownChannel = (typeof downChannels)[number]
export type Channel = UpChannel | DownChannel

/** How a payload is packed: the last level of the topic, for metered uplinks (`…/readings/zstd`). */
export const packings = ['zstd'] as const
export type Packing = (typeof packings)[number]

export interface TopicAddress {
  readonly district: string
  readonly gateway: string
  readonly channel: Channel
  readonly packing?: Packing | undefined
}

const channels: ReadonlySet<string> = new Set([...upChannels, ...downChannels])

/** Only readings are worth packing. */
const maybePacked: ReadonlySet<Channel> = new Set(['readings', 'columns'])

function isChannel(text: string): text is Channel {
  return channels.has(text)
}

/** The topic of one channel of one gateway. */
export function topicOf({ district, gateway, channel, packing }: TopicAddress): string {
  const topic = `fw/1/${district}/${gateway}/${channel}`
  return packing === undefined ? topic : `${topic}/${packing}`
}

/** The parts of a topic of ours, or undefined for any other topic. */
export function parseTopic(topic: string): TopicAddress | undefined {
  const [prefix, version, district, gateway, channel, packing, ...rest] = topic.split('/')
  if (prefix !== 'fw' || version !== '1' || rest.length > 0) return undefined
  if (!district || !gateway || channel === undefined || !isChannel(channel)) return undefined
  if (packing === undefined) return { district, gateway, channel }
  return packing === 'zstd' && maybePacked.has(channel) ? { district, gateway, channel, packing } : undefined
}
