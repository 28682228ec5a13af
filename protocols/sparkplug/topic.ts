/**
 * Sparkplug B topics (3.0 §4): who says what. `spBv1.0/{group}/{message}/{edge}[/{device}]` and `spBv1.0/STATE/{host}`.
 */
export const nodeMessages = ['NBIRTH', 'NDEATH', 'NDATA', 'NCMD'] as const
export const deviceMessages = ['DBIRTH', 'DDEATH', 'DDATA', 'DCMD'] as const
export type SparkplugMessage = (typeof nodeMessages)[number] | (typeof deviceMessages)[number]

export interface SparkplugAddress {
  readonly group: string
  readonly message: SparkplugMessage
  readonly edge: string
  /** Only of the messages about a device. */
  readonly device?: string
}

export interface SparkplugHost {
  readonly message: 'STATE'
  readonly host: string
}

const namespace = 'spBv1.0'

/** The parts of a Sparkplug topic; undefined for any other topic. */
export function parseSparkplugTopic(topic: string): SparkplugAddress | SparkplugHost | undefined {
  const [first, group, message, edge, device, ...rest] = topic.split('/')
  if (first !== namespace || !group || !message || rest.length > 0) return undefined
  // Since 3.0 in the namespace, `spBv1.0/STATE/{host}`; a host may have any name, also that of a message.
  if (group === 'STATE') return edge === undefined ? { message: 'STATE', host: message } : undefined
  if (!edge) return undefined
  const ofNode = nodeMessages.find(name => name === message)
  if (ofNode !== undefined) return device === undefined ? { group, message: ofNode, edge } : undefined
  const ofDevice = deviceMessages.find(name => name === message)
  return ofDevice === undefined || !device ? undefined : { group, message: ofDevice, edge, device }
}

/** The topic on which an edge node hears commands. */
export function nodeCommandTopic({ group, edge }: Pick<SparkplugAddress, 'group' | 'edge'>): string {
  return `${namespace}/${group}/NCMD/${edge}`
}
