/**
 * Which records of a message are readings, and of what quality: records in, columns and what is kept aside out.
 * One bad record never stops the others of its message.
 */
import { type ColumnsMessage, columnsAtMost } from '@forewarn/contracts/columns'
import { qualities, qualityCode, type ReadingBatch } from '@forewarn/contracts/reading'
import type { RejectionReason } from '@forewarn/contracts/rejection'
import type { SenmlRecord } from '@forewarn/contracts/senml'
import type { BirthList } from './births.ts'
import { Rows, type SkewFound, type Times } from './rows.ts'
import { isSameUnit, type KnownGateway, type SensorFacts, type SensorNames } from './sensor-names.ts'

/** A record that is no reading, or (`kept`) some that count although something was wrong with them. */
export interface Aside {
  readonly reason: RejectionReason
  /** Its place in the message. */
  readonly index: number
  readonly detail: string
  readonly kept: boolean
  /** How many it stands for; 1 when left out. */
  readonly readings?: number
}

export interface Judgement {
  readonly batch: ReadingBatch
  readonly asides: readonly Aside[]
}

/** The circumstances of a message. */
export interface Arrival extends Times {
  readonly gateway: KnownGateway | undefined
  readonly names: SensorNames
  readonly release?: Release | undefined
}

/** The message waited in quarantine, and a person lets it go. */
export interface Release {
  /** Only these records of it; all when undefined. */
  readonly records: ReadonlySet<number> | undefined
  /** From names as the message has them to ids of sensors of the same gateway. */
  readonly rename: ReadonlyMap<string, string>
}

/** Records by name, as SenML and every foreign format has them. */
export interface NamedRecords {
  readonly records: readonly SenmlRecord[]
  /** Records that could not be read; 'not-senml' unless they say otherwise. */
  readonly faults: readonly { readonly index: number; readonly detail: string; readonly reason?: RejectionReason }[]
  readonly sequence: number
  readonly backlog: boolean
}

export function judgePack(pack: NamedRecords, arrival: Arrival): Judgement {
  const { names, gateway, release } = arrival
  const rows = new Rows(pack.records.length, { receivedAtMs: arrival.receivedAtMs, backlog: isBacklog(pack, arrival) })
  const asides: Aside[] = []
  for (const { reason = 'not-senml', ...fault } of pack.faults)
    if (isMeant(fault.index, release)) asides.push({ ...fault, reason, kept: false })
  for (const record of pack.records) {
    if (release !== undefined && !isMeant(record.index, release)) continue
    const name = release?.rename.get(record.name) ?? record.name
    const sensor = gateway?.sensors.get(name)
    if (sensor === undefined) {
      asides.push(unknownName(name, record.index, arrival))
      continue
    }
    const wrong = wrongRecord(record, names.facts[sensor])
    if (wrong === undefined) rows.add(sensor, record.value, record)
    else asides.push(wrong)
  }
  return settled(rows, { asides, sequence: pack.sequence }, arrival)
}

/** The same for columns: `list` says which sensor an index means. */
export function judgeColumns(message: ColumnsMessage, list: BirthList, arrival: Arrival): Judgement {
  const { release } = arrival
  const { i, d, v, q, t } = message
  const rows = new Rows(Math.min(i.length, columnsAtMost), {
    receivedAtMs: arrival.receivedAtMs,
    backlog: isBacklog(message, arrival),
  })
  const asides: Aside[] = []
  for (let index = 0; index < i.length; index++) {
    if (release !== undefined && !isMeant(index, release)) continue
    const place = i[index] ?? -1
    const sensor = sensorAt(place, list, arrival)
    const quality = q === undefined ? qualityCode.good : (q[index] ?? -1)
    const offsetMs = d === undefined ? 0 : d[index]
    const value = v[index]
    const wrong =
      sensor < 0
        ? unknownPlace(place, index, { list, arrival })
        : wrongCell({ sensor, value, quality, offsetMs }, index, arrival.names)
    if (wrong !== undefined) asides.push(wrong)
    else rows.add(sensor, value ?? Number.NaN, cellOf({ t, offsetMs, value, quality, index }))
  }
  return settled(rows, { asides, sequence: message.seq }, arrival)
}

function isMeant(index: number, release: Release | undefined): boolean {
  return release?.records?.has(index) ?? true
}

/** What is released was measured long ago, whatever it said. */
function isBacklog({ backlog }: { backlog: boolean }, { release }: Arrival): boolean {
  return backlog || release !== undefined
}

function settled(rows: Rows, { asides, sequence }: { asides: Aside[]; sequence: number }, arrival: Arrival): Judgement {
  const skew = rows.settle(arrival)
  if (skew !== undefined) asides.push(skewAside(skew))
  return { batch: rows.batch(arrival.gateway?.index ?? 0, sequence), asides }
}

function skewAside({ readings, index, offsetMs }: SkewFound): Aside {
  const offS = Math.round(Math.abs(offsetMs) / 1000)
  const hours = (offS / 3600).toFixed(1)
  const detail = `the clock is ${offS} s (${hours} h) ${offsetMs < 0 ? 'behind' : 'ahead'}; the readings count at their arrival`
  return { reason: 'clock-skewed', index, detail, kept: true, readings }
}

/** Of the quality column without its flags. */
const codeBits = 0x0f

function unknownName(name: string, index: number, { gatewayId, gateway, names }: Arrival): Aside {
  const owner = names.ownerOf(name)
  if (owner !== undefined && owner !== gatewayId)
    return { reason: 'wrong-gateway', index, detail: `sensor ${name} belongs to gateway ${owner}`, kept: false }
  const whose = gateway === undefined ? `, and neither is gateway ${gatewayId}` : ''
  return { reason: 'unknown-sensor', index, detail: `sensor ${name} is not in the registry${whose}`, kept: false }
}

function wrongRecord(
  { name, unit, value, quality, index }: SenmlRecord,
  facts: SensorFacts | undefined,
): Aside | undefined {
  // Missing, maintenance and fault are kept as such, whatever their value: no rule takes it for water.
  if (facts === undefined || (quality & codeBits) >= qualityCode.missing) return undefined
  if (unit !== undefined && unit !== facts.unit && !isSameUnit(unit, facts.unit))
    return { reason: 'wrong-unit', index, detail: `${name}: unit ${unit}, ${facts.unit} is expected`, kept: false }
  return wrongValue(name, { value, index, facts })
}

function wrongValue(
  name: string,
  { value, index, facts }: { value: number; index: number; facts: SensorFacts },
): Aside | undefined {
  if (value >= facts.min && value <= facts.max) return undefined
  if (!Number.isFinite(value)) return { reason: 'not-finite', index, detail: `${name}: ${value}`, kept: false }
  const detail = `${name}: ${value} ${facts.unit} lies outside ${facts.min} to ${facts.max}`
  return { reason: 'out-of-bounds', index, detail, kept: false }
}

/** -1 for an index that the list does not have, or whose name is no sensor of this gateway. */
function sensorAt(place: number, list: BirthList, { release, gateway }: Arrival): number {
  // JSON may hold a text for an index, and `length` is no sensor.
  const sensor = typeof place === 'number' ? (list.sensor[place] ?? -1) : -1
  if (sensor >= 0 || release === undefined) return sensor
  const renamed = release.rename.get(list.nameOf(place) ?? '')
  return (renamed === undefined ? undefined : gateway?.sensors.get(renamed)) ?? -1
}

function unknownPlace(place: number, index: number, { list, arrival }: { list: BirthList; arrival: Arrival }): Aside {
  const name = list.nameOf(place)
  if (name !== undefined) return unknownName(name, index, arrival)
  const detail = `index ${place} is not in the list of birth ${list.birth}, which has ${list.sensor.length} sensors`
  return { reason: 'bad-columns', index, detail, kept: false }
}

interface Cell {
  readonly sensor: number
  readonly value: number | null | undefined
  readonly quality: number
  readonly offsetMs: number | undefined
}

/** The elements of columns were not looked at before: JSON may hold anything in them. */
function wrongCell(
  { sensor, value, quality, offsetMs }: Cell,
  index: number,
  { facts, idOf }: SensorNames,
): Aside | undefined {
  const known = facts[sensor]
  if (known === undefined) return undefined
  if (typeof quality !== 'number' || qualities[quality] === undefined)
    return { reason: 'bad-columns', index, detail: `${idOf(sensor)}: ${String(quality)} is no quality`, kept: false }
  if (typeof offsetMs !== 'number')
    return { reason: 'bad-columns', index, detail: `${idOf(sensor)}: its time offset is no number`, kept: false }
  // A reading that failed: its place in time is kept, without a value.
  if (value === null || quality >= qualityCode.missing) return undefined
  if (typeof value === 'number' && value >= known.min && value <= known.max) return undefined
  if (typeof value !== 'number')
    return { reason: 'bad-columns', index, detail: `${idOf(sensor)}: its value is no number`, kept: false }
  return wrongValue(idOf(sensor), { value, index, facts: known })
}

function cellOf({
  t,
  offsetMs,
  value,
  quality,
  index,
}: {
  t: number | undefined
  offsetMs: number | undefined
  value: number | null | undefined
  quality: number
  index: number
}) {
  const timeMs = t === undefined ? undefined : t + (offsetMs ?? 0)
  const isMissing = typeof value !== 'number' && quality < qualityCode.missing
  return { timeMs, quality: isMissing ? qualityCode.missing : quality, index }
}
