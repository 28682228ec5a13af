/**
 * What ordinary devices say, as records: their names for things become sensors, their words become numbers. A device
 * says much that the registry does not ask for; that is passed over where something of the message counts.
 */
import type { District } from '@forewarn/contracts/district'
import { quantities } from '@forewarn/contracts/quantity'
import { type Quality, qualityCode, qualityFlag } from '@forewarn/contracts/reading'
import type { SenmlRecord } from '@forewarn/contracts/senml'
import { type Arrival, judgePack } from '../judge.ts'
import { heard, refused, type Said } from './format.ts'

export interface DeviceValue {
  /** How a sensor may be known by it: ids first, its full name (`zigbee2mqtt/lamp#temperature`) last. */
  readonly names: readonly string[]
  readonly value: unknown
  /** UTC ms; undefined when the device gave no time that can be used. */
  readonly timeMs: number | undefined
  /** The device's time cannot be used, and the arrival stands for it. */
  readonly isArrival?: boolean
  readonly quality?: Quality
  /** UCUM code, where the format states it. */
  readonly unit?: string | undefined
}

export interface DeviceMessage {
  readonly values: readonly DeviceValue[]
  readonly backlog?: boolean
  /** Parts of the message that could not be read. */
  readonly faults?: readonly string[]
}

/** Reads a message of a device into readings. */
export type TakeValues = (message: DeviceMessage, arrival: Arrival) => Said

/** `idsOf` and `unitOf` are read from the district once, when the first device speaks. */
export function deviceValues(district: District): TakeValues {
  let devices: ReadonlySet<string> | undefined
  return ({ values, backlog = false, faults = [] }, arrival) => {
    const records: SenmlRecord[] = []
    const unused: DeviceValue[] = []
    for (const [index, value] of values.entries()) {
      const name = knownName(value, arrival)
      if (name === undefined) unused.push(value)
      else records.push(recordOf(value, { name, index, unit: unitOf(name, arrival, district) }))
    }
    const wrong = faults.map((detail, place) => ({
      index: values.length + place,
      detail,
      reason: 'bad-payload' as const,
    }))
    if (records.length > 0 || wrong.length > 0)
      return { kind: 'readings', ...judgePack({ records, faults: wrong, sequence: -1, backlog }, arrival) }
    devices ??= devicesOf(district)
    return unused.length === 0
      ? refused('bad-payload', 'there is no value in it')
      : withoutSensor(unused, arrival, devices)
  }
}

/** The first of its names that is a sensor of this gateway, or of another one, which the judgement then refuses. */
function knownName({ names }: DeviceValue, { gateway, release, names: registry }: Arrival): string | undefined {
  const ours = names.find(name => release?.rename.has(name) || gateway?.sensors.has(name))
  return ours ?? names.find(name => registry.ownerOf(name) !== undefined)
}

function recordOf(
  { value, timeMs, quality = 'good', unit, isArrival = false }: DeviceValue,
  { name, index, unit: wanted }: { name: string; index: number; unit: string | undefined },
): SenmlRecord {
  const said = numberOf(value)
  const factor = unit === undefined || wanted === undefined ? undefined : factors.get(`${unit} ${wanted}`)
  const code = qualityCode[Number.isNaN(said) && value === null ? 'missing' : quality]
  return {
    name,
    unit: factor === undefined ? unit : wanted,
    timeMs,
    value: factor === undefined ? said : (said * factor.by) / factor.through,
    quality: isArrival ? code | qualityFlag.clockReplaced : code,
    index,
  }
}

/** Lengths, as devices state them: divided by a power of ten, which gives the decimal that was meant. */
const factors = new Map([
  ['mm m', { by: 1, through: 1000 }],
  ['cm m', { by: 1, through: 100 }],
  ['m mm', { by: 1000, through: 1 }],
  ['cm mm', { by: 10, through: 1 }],
])

/** Words that devices use for yes and no, and for one and zero. */
const words = new Map([
  ...['on', 'true', 'yes', 'open', 'opened', 'online', 'running', 'active', 'wet', 'alarm', 'detected'].map(
    (word): [string, number] => [word, 1],
  ),
  ...['off', 'false', 'no', 'close', 'closed', 'offline', 'stopped', 'inactive', 'dry', 'idle', 'normal', 'clear'].map(
    (word): [string, number] => [word, 0],
  ),
])

/** NaN for what is no number and no word for one: it is refused by name then, for its sensor was asked for. */
export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value !== 'string') return Number.NaN
  const text = value.trim()
  return /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text)
    ? Number(text)
    : (words.get(text.toLowerCase()) ?? Number.NaN)
}

function unitOf(name: string, { gateway, release }: Arrival, { sensors }: District): string | undefined {
  const sensor = gateway?.sensors.get(release?.rename.get(name) ?? name)
  const quantity = sensor === undefined ? undefined : sensors[sensor]?.quantity
  return quantity === undefined ? undefined : quantities[quantity].unit
}

/** Nothing of it is a sensor: passed over when the device has one, else kept aside for whoever wires it. */
function withoutSensor(unused: readonly DeviceValue[], { gatewayId }: Arrival, devices: ReadonlySet<string>): Said {
  const fullNames = unused.map(({ names }) => names.at(-1) ?? '')
  if (fullNames.some(name => devices.has(`${gatewayId} ${deviceIn(name)}`))) return heard
  const shown = fullNames.slice(0, 5).join(', ') + (fullNames.length > 5 ? ', …' : '')
  return {
    ...refused('unknown-sensor', `no sensor of ${gatewayId} has one of these as its alias: ${shown}`),
    readings: unused.length,
  }
}

function deviceIn(fullName: string): string {
  return fullName.slice(0, fullName.lastIndexOf('#'))
}

function devicesOf({ sensors }: District): ReadonlySet<string> {
  const known = new Set<string>()
  for (const { gateway, aliases = [] } of sensors)
    for (const alias of aliases) if (alias.includes('#')) known.add(`${gateway} ${deviceIn(alias)}`)
  return known
}
