/**
 * Which records of a pack are readings, and of what quality. Pure: records in, columns and what is kept aside out.
 * One bad record never stops the others of its pack.
 */
import { qualityCode, qualityFlag, type ReadingBatch } from '@forewarn/contracts/reading'
import type { RejectionReason } from '@forewarn/contracts/rejection'
import type { SenmlPack, SenmlRecord } from '@forewarn/contracts/senml'
import { isSameUnit, type KnownGateway, type SensorNames } from './sensor-names.ts'

/** A record that is no reading, or (`kept`) one that counts although something was wrong with it. */
export interface Aside {
  readonly reason: RejectionReason
  /** Its place in the pack. */
  readonly index: number
  readonly detail: string
  readonly kept: boolean
}

export interface Judgement {
  readonly batch: ReadingBatch
  readonly asides: readonly Aside[]
}

export interface Arrival {
  readonly gatewayId: string
  readonly gateway: KnownGateway | undefined
  readonly names: SensorNames
  readonly receivedAtMs: number
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/**
 * How far a device's time may lie from the arrival. Ahead: clocks drift. Behind: a live reading may come late, by a
 * day and the summer time that somebody forgot, and an outbox may have waited for two days.
 */
export const clockTolerance = { aheadMs: 5 * minuteMs, behindMs: 26 * hourMs, behindInBacklogMs: 48 * hourMs } as const

export function judgePack(pack: SenmlPack, arrival: Arrival): Judgement {
  const { names, gateway, receivedAtMs } = arrival
  const asides: Aside[] = pack.faults.map(fault => ({ ...fault, reason: 'not-senml', kept: false }))
  const columns = new Columns(pack.records.length)
  const oldestMs = receivedAtMs - (pack.backlog ? clockTolerance.behindInBacklogMs : clockTolerance.behindMs)
  const newestMs = receivedAtMs + clockTolerance.aheadMs
  const flags = pack.backlog ? qualityFlag.backlog : 0
  const skewed: Skewed[] = []
  for (const record of pack.records) {
    const sensor = gateway?.sensors.get(record.name)
    const wrong = sensor === undefined ? unknownName(record, arrival) : wrongValue(record, names.facts[sensor])
    if (sensor === undefined || wrong !== undefined) {
      if (wrong !== undefined) asides.push(wrong)
      continue
    }
    const timeMs = record.timeMs ?? receivedAtMs
    const isCredible = timeMs >= oldestMs && timeMs <= newestMs
    const row = columns.add(sensor, record.value, { timeMs, quality: record.quality | flags })
    if (!isCredible) skewed.push({ row, timeMs, record })
  }
  countAtArrival(skewed, { columns, asides, receivedAtMs })
  return { batch: columns.batch(gateway?.index ?? 0, pack.sequence, receivedAtMs), asides }
}

/** Readings in columns while their number is not known yet. */
class Columns {
  readonly sensor: Uint32Array
  readonly measuredAtMs: Float64Array
  readonly value: Float64Array
  readonly quality: Uint8Array
  rows = 0

  constructor(atMost: number) {
    this.sensor = new Uint32Array(atMost)
    this.measuredAtMs = new Float64Array(atMost)
    this.value = new Float64Array(atMost)
    this.quality = new Uint8Array(atMost)
  }

  add(sensor: number, value: number, { timeMs, quality }: { timeMs: number; quality: number }): number {
    const row = this.rows++
    this.sensor[row] = sensor
    this.value[row] = value
    this.measuredAtMs[row] = timeMs
    this.quality[row] = quality
    return row
  }

  batch(gateway: number, sequence: number, receivedAtMs: number): ReadingBatch {
    const { rows } = this
    return {
      gateway,
      receivedAtMs,
      sequence,
      sensor: this.sensor.subarray(0, rows),
      measuredAtMs: this.measuredAtMs.subarray(0, rows),
      value: this.value.subarray(0, rows),
      quality: this.quality.subarray(0, rows),
    }
  }
}

function unknownName({ name, index }: SenmlRecord, { gatewayId, gateway, names }: Arrival): Aside {
  const owner = names.ownerOf(name)
  if (owner !== undefined && owner !== gatewayId)
    return { reason: 'wrong-gateway', index, detail: `sensor ${name} belongs to gateway ${owner}`, kept: false }
  const whose = gateway === undefined ? `, and neither is gateway ${gatewayId}` : ''
  return { reason: 'unknown-sensor', index, detail: `sensor ${name} is not in the registry${whose}`, kept: false }
}

function wrongValue(
  { name, unit, value, quality, index }: SenmlRecord,
  facts: SensorNames['facts'][number] | undefined,
): Aside | undefined {
  // Missing, maintenance and fault are kept as such, whatever their value: no rule takes it for water.
  if (facts === undefined || quality >= qualityCode.missing) return undefined
  if (unit !== undefined && unit !== facts.unit && !isSameUnit(unit, facts.unit))
    return { reason: 'wrong-unit', index, detail: `${name}: unit ${unit}, ${facts.unit} is expected`, kept: false }
  if (!Number.isFinite(value)) return { reason: 'not-finite', index, detail: `${name}: ${value}`, kept: false }
  if (value >= facts.min && value <= facts.max) return undefined
  const detail = `${name}: ${value} ${facts.unit} lies outside ${facts.min} to ${facts.max}`
  return { reason: 'out-of-bounds', index, detail, kept: false }
}

interface Skewed {
  readonly row: number
  readonly timeMs: number
  readonly record: SenmlRecord
}

/**
 * A warning must not be lost to a wrong clock: such readings count at their arrival. The newest of them stands at
 * the arrival and the others as far before it as the device says, so that several of one sensor stay apart.
 */
function countAtArrival(
  skewed: readonly Skewed[],
  { columns, asides, receivedAtMs }: { columns: Columns; asides: Aside[]; receivedAtMs: number },
): void {
  const newestMs = skewed.reduce((newest, { timeMs }) => Math.max(newest, timeMs), Number.NEGATIVE_INFINITY)
  for (const { row, timeMs, record } of skewed) {
    const spreadMs = newestMs - timeMs
    columns.measuredAtMs[row] = receivedAtMs - (spreadMs <= hourMs ? spreadMs : 0)
    columns.quality[row] = (columns.quality[row] ?? 0) | qualityFlag.clockReplaced
    const behindS = Math.round((receivedAtMs - timeMs) / 1000)
    const detail = `${record.name}: its clock is ${Math.abs(behindS)} s ${behindS > 0 ? 'behind' : 'ahead'}`
    asides.push({ reason: 'clock-skewed', index: record.index, detail, kept: true })
  }
}
