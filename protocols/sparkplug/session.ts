/**
 * What is remembered of a Sparkplug edge node between its messages (3.0 §5, §6.4): its birth, what its aliases stand
 * for, and where its sequence is. Pure: a message goes in, the new memory and the readings come out, and the wish for
 * a rebirth when the memory no longer fits what the node says.
 */
import { type Datatype, datatypeOf } from './datatypes.ts'
import { type Metric, type MetricValue, metricValue, type PropertyValue, type SparkplugPayload } from './payload.ts'
import type { SparkplugAddress } from './topic.ts'

/** What a birth said of one metric. */
export interface BornMetric {
  readonly name: string
  readonly datatype: Datatype | undefined
  /** Undefined for the node's own. */
  readonly device: string | undefined
}

export interface SparkplugSession {
  /** False before the first birth and after a death: data cannot be understood then. */
  readonly born: boolean
  /** Number of the connection that the node was born with; its death is only believed with the same. */
  readonly bdSeq: number | undefined
  /** Of the last message, 0 to 255. */
  readonly seq: number
  /** By alias as a decimal text, across the node and its devices. */
  readonly aliases: ReadonlyMap<string, BornMetric>
  /** Types by `device/name`, for metrics that come with their name but without their type. */
  readonly datatypes: ReadonlyMap<string, Datatype>
  /** Devices that were born and have not died. */
  readonly devices: ReadonlySet<string>
  /** When a rebirth was last wanted, UTC ms: one wish is enough until it had time to be fulfilled. */
  readonly rebirthWantedAtMs: number | undefined
}

export const unbornSession: SparkplugSession = {
  born: false,
  bdSeq: undefined,
  seq: 0,
  aliases: new Map(),
  datatypes: new Map(),
  devices: new Set(),
  rebirthWantedAtMs: undefined,
}

export interface SparkplugReading {
  readonly device: string | undefined
  readonly name: string
  /** When it was measured, UTC ms: the metric's time, else the message's; undefined when neither says. */
  readonly measuredAtMs: number | undefined
  /** Null when the node says that it has no value now. */
  readonly value: MetricValue
  /** Sent after an outage, not live. */
  readonly historical: boolean
  /** Sparkplug's property Quality: 0 bad, 192 good, 500 stale. Good when it says nothing. */
  readonly quality: number
}

export const rebirthReasons = ['data-before-birth', 'sequence-gap', 'unknown-alias', 'birth-without-zero'] as const
export type RebirthReason = (typeof rebirthReasons)[number]

export interface Heard {
  readonly session: SparkplugSession
  readonly readings: readonly SparkplugReading[]
  /** Ask the node to be born again, and why; at most once in `rebirthPauseMs`. */
  readonly rebirth?: RebirthReason
  /** The node or one of its devices came or went. */
  readonly life?: { readonly device: string | undefined; readonly alive: boolean }
  /** A death of an earlier connection, which came after the new birth: nothing follows from it. */
  readonly stale?: true
}

/** A node needs a moment to be born again; asking it on every message until then would drown it. */
export const rebirthPauseMs = 10_000

export interface SparkplugHeard {
  readonly address: SparkplugAddress
  readonly payload: SparkplugPayload
  readonly receivedAtMs: number
}

/** Takes one message of an edge node. Commands (NCMD, DCMD) are a host's: nothing follows from them. */
export function hearSparkplug(session: SparkplugSession, heard: SparkplugHeard): Heard {
  const { message } = heard.address
  if (message === 'NBIRTH') return nodeBorn(session, heard)
  if (message === 'NDEATH') return nodeDied(session, heard)
  if (message === 'NCMD' || message === 'DCMD') return { session, readings: [] }
  if (!session.born) return { ...askRebirth(session, 'data-before-birth', heard.receivedAtMs), readings: [] }
  return inSequence(session, heard)
}

function nodeBorn(before: SparkplugSession, { payload, receivedAtMs }: SparkplugHeard): Heard {
  const seq = sequenceOf(payload)
  const session: SparkplugSession = {
    ...unbornSession,
    born: true,
    bdSeq: bdSeqOf(payload),
    seq: seq ?? 0,
    ...learned(unbornSession, payload.metrics, undefined),
    rebirthWantedAtMs: before.rebirthWantedAtMs,
  }
  const readings = readingsOf(payload, session, undefined).readings
  const life = { device: undefined, alive: true }
  // A birth begins the count anew (§6.4.5); one that does not is no start to count from.
  if (seq !== 0) return { ...askRebirth(session, 'birth-without-zero', receivedAtMs), readings, life }
  return { session: { ...session, rebirthWantedAtMs: undefined }, readings, life }
}

function nodeDied(session: SparkplugSession, { payload }: SparkplugHeard): Heard {
  const bdSeq = bdSeqOf(payload)
  if (session.born && session.bdSeq !== undefined && bdSeq !== undefined && bdSeq !== session.bdSeq)
    return { session, readings: [], stale: true }
  return { session: { ...unbornSession, bdSeq }, readings: [], life: { device: undefined, alive: false } }
}

function inSequence(before: SparkplugSession, heard: SparkplugHeard): Heard {
  const seq = sequenceOf(heard.payload)
  const repeated = seq === before.seq
  const gap = seq !== (before.seq + 1) % 256 && !repeated
  const session: SparkplugSession = { ...before, seq: seq ?? before.seq }
  const taken = deviceMessage(session, heard)
  // What came with the gap still counts: its aliases are those of the last birth, and a value is better than none.
  if (taken.rebirth !== undefined) return { ...taken, ...askRebirth(taken.session, taken.rebirth, heard.receivedAtMs) }
  return gap ? { ...taken, ...askRebirth(taken.session, 'sequence-gap', heard.receivedAtMs) } : taken
}

function deviceMessage(session: SparkplugSession, { address, payload }: SparkplugHeard): Heard {
  const { message, device } = address
  if (message === 'NDATA') return readingsHeard(session, payload, undefined)
  if (device === undefined) return { session, readings: [] }
  if (message === 'DBIRTH') {
    const born = {
      ...session,
      ...learned(session, payload.metrics, device),
      devices: new Set([...session.devices, device]),
    }
    return { ...readingsHeard(born, payload, device), life: { device, alive: true } }
  }
  if (message === 'DDEATH') {
    const devices = new Set([...session.devices].filter(name => name !== device))
    return { session: { ...session, devices }, readings: [], life: { device, alive: false } }
  }
  if (!session.devices.has(device)) return { session, readings: [], rebirth: 'data-before-birth' }
  return readingsHeard(session, payload, device)
}

function readingsHeard(session: SparkplugSession, payload: SparkplugPayload, device: string | undefined): Heard {
  const { readings, complete } = readingsOf(payload, session, device)
  return { session, readings, ...(complete ? {} : { rebirth: 'unknown-alias' as const }) }
}

function askRebirth(
  session: SparkplugSession,
  rebirth: RebirthReason,
  atMs: number,
): { session: SparkplugSession; rebirth?: RebirthReason } {
  const { rebirthWantedAtMs } = session
  if (rebirthWantedAtMs !== undefined && atMs - rebirthWantedAtMs < rebirthPauseMs) return { session }
  return { session: { ...session, rebirthWantedAtMs: atMs }, rebirth }
}

/** What a birth teaches: names and types by alias, types by name. A device's old words are forgotten with its birth. */
function learned(
  { aliases, datatypes }: SparkplugSession,
  metrics: readonly Metric[],
  device: string | undefined,
): Pick<SparkplugSession, 'aliases' | 'datatypes'> {
  const byAlias = new Map([...aliases].filter(([, born]) => born.device !== device))
  const byName = new Map(datatypes)
  for (const { name, alias, datatype: number } of metrics) {
    if (name === undefined) continue
    const datatype = number === undefined ? undefined : datatypeOf(number)
    if (alias !== undefined) byAlias.set(String(alias), { name, datatype, device })
    if (datatype !== undefined) byName.set(nameKey(device, name), datatype)
  }
  return { aliases: byAlias, datatypes: byName }
}

/** NUL cannot be in an MQTT topic, and so not in a device's name. */
function nameKey(device: string | undefined, name: string): string {
  return `${device ?? ''}\0${name}`
}

/** Metrics that steer the node instead of measuring. */
const control = /^(?:bdSeq$|Node Control\/|Device Control\/)/

function readingsOf(
  { metrics, timestamp }: SparkplugPayload,
  session: SparkplugSession,
  device: string | undefined,
): { readings: SparkplugReading[]; complete: boolean } {
  const readings: SparkplugReading[] = []
  let complete = true
  for (const metric of metrics) {
    const born = metric.alias === undefined ? undefined : session.aliases.get(String(metric.alias))
    const name = metric.name ?? born?.name
    if (name === undefined) {
      complete = false
      continue
    }
    if (control.test(name)) continue
    const type = metric.datatype === undefined ? undefined : datatypeOf(metric.datatype)
    const value = metricValue(metric, type ?? born?.datatype ?? session.datatypes.get(nameKey(device, name)))
    if (value === undefined) continue
    readings.push({
      device,
      name,
      measuredAtMs: numberOf(metric.timestamp ?? timestamp),
      value,
      historical: metric.isHistorical === true,
      quality: qualityOf(metric.properties),
    })
  }
  return { readings, complete }
}

function qualityOf(properties: Readonly<Record<string, PropertyValue>> | undefined): number {
  const quality = properties?.['Quality'] ?? properties?.['quality']
  return typeof quality === 'number' ? quality : 192
}

function sequenceOf({ seq }: SparkplugPayload): number | undefined {
  return numberOf(seq)
}

function bdSeqOf({ metrics }: SparkplugPayload): number | undefined {
  const metric = metrics.find(({ name }) => name === 'bdSeq')
  const value = metric === undefined ? undefined : metricValue(metric, undefined)
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined
}

function numberOf(value: number | bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value)
}
