/**
 * Sparkplug B: births, data by alias, deaths as signs of life. A node whose words no longer fit what is remembered of
 * it is asked to be born again (NCMD); data that cannot be read until then waits in quarantine.
 */
import { encodeRebirth } from '@forewarn/protocols/sparkplug/command'
import { type Metric, parseSparkplugPayload } from '@forewarn/protocols/sparkplug/payload'
import {
  type Heard,
  hearSparkplug,
  type SparkplugReading,
  type SparkplugSession,
} from '@forewarn/protocols/sparkplug/session'
import { nodeCommandTopic, parseSparkplugTopic, type SparkplugAddress } from '@forewarn/protocols/sparkplug/topic'
import type { Lives } from '../gateways/lives.ts'
import type { Rebirths } from '../gateways/rebirth.ts'
import type { Arrival } from '../judge.ts'
import type { DeviceValue, TakeValues } from './device-values.ts'
import { type Format, heard, refused, type Said } from './format.ts'
import type { NodeMessage, SparkplugNodes } from './sparkplug-nodes.ts'

export interface SparkplugParts {
  readonly take: TakeValues
  readonly lives: Lives
  readonly nodes: SparkplugNodes
  readonly rebirths: Rebirths
  /** Told once a birth is on disk. */
  readonly onBorn: (gateway: string) => void
}

/** Sparkplug B: births, data and deaths of nodes and their devices. */
export function sparkplugFormat(parts: SparkplugParts): Format {
  return ({ gateway, topic, payload: bytes, receivedAtMs }, arrival) => {
    const address = parseSparkplugTopic(topic)
    if (address === undefined) return refused('unknown-topic', `${topic} is no Sparkplug topic`)
    // A host's state, or its commands: nothing for us.
    if (address.message === 'STATE' || address.message === 'NCMD' || address.message === 'DCMD') return heard
    const payload = parseSparkplugPayload(bytes)
    if (typeof payload === 'string') return refused('bad-payload', `no Sparkplug B payload: ${payload}`)
    const message: NodeMessage = { gateway, address, payload, bytes, receivedAtMs }
    const { heard: said, kept } = heardOnce(message, arrival, parts)
    const result = saidBy(said, { message, arrival, take: parts.take })
    void kept?.then(
      () => parts.onBorn(gateway),
      () => undefined, // whoever waits for it is told
    )
    return kept === undefined || result.kind === 'refused' ? result : { ...result, kept }
  }
}

/** What is released was heard when it came: the node's session must not go back to it. */
function heardOnce(message: NodeMessage, arrival: Arrival, { nodes, lives, rebirths }: SparkplugParts) {
  const { gateway, address, receivedAtMs } = message
  if (arrival.release !== undefined) return { heard: hearSparkplug(nodes.session(gateway, address), message) }
  const outcome = nodes.hear(message)
  const { rebirth, life } = outcome.heard
  if (rebirth !== undefined)
    rebirths.ask({ gateway, topic: nodeCommandTopic(address), payload: encodeRebirth(receivedAtMs) })
  if (life !== undefined) lives.note(gateway, nameOf(address, life.device), life.alive)
  return outcome
}

function saidBy(
  { readings, session, stale }: Heard,
  { message, arrival, take }: { message: NodeMessage; arrival: Arrival; take: TakeValues },
): Said {
  const { address, payload } = message
  const isData = address.message === 'NDATA' || address.message === 'DDATA'
  const unknown = isData && stale !== true ? unknownIn(payload.metrics, address, session) : 0
  const whose = nameOf(address, address.device)
  if (unknown > 0 && readings.length === 0) {
    const detail = `what ${whose} says refers to a birth that is not known here`
    return { ...refused('unknown-birth', detail), readings: unknown }
  }
  // A birth lists everything the node has: what the registry does not ask for is no reason to keep it aside.
  if (!isData && readings.length === 0) return heard
  const said = take(
    {
      values: readings.map(reading => valueOf(reading, address)),
      backlog: readings.some(({ historical }) => historical),
      // The rest must not pass for nothing.
      faults: unknown > 0 ? [`${unknown} aliases of ${whose} are not known here`] : [],
    },
    arrival,
  )
  return said.kind === 'refused' && said.reason === 'unknown-sensor' && !isData ? heard : said
}

/** How many metrics of a data message cannot be told without a birth that is not here. */
function unknownIn(
  metrics: readonly Metric[],
  { device }: SparkplugAddress,
  { born, devices, aliases }: SparkplugSession,
): number {
  if (!born || (device !== undefined && !devices.has(device))) return metrics.length
  return metrics.filter(({ name, alias }) => name === undefined && !aliases.has(String(alias))).length
}

function nameOf({ group, edge }: SparkplugAddress, device: string | undefined): string {
  return `spBv1.0/${group}/${edge}${device === undefined ? '' : `/${device}`}`
}

function valueOf(
  { device, name, measuredAtMs, value, quality }: SparkplugReading,
  address: SparkplugAddress,
): DeviceValue {
  const short = device ?? address.edge
  return {
    names: [`${short}.${name.replaceAll('/', '.')}`, `${nameOf(address, device)}#${name}`],
    value,
    timeMs: measuredAtMs,
    // Sparkplug 3.0 §6.4.16: 0 is bad, 192 good, 500 stale.
    ...(quality === 192 ? {} : { quality: quality === 500 ? ('suspect' as const) : ('fault' as const) }),
  }
}
