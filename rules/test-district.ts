/** A small district for tests: two low roads in one catchment with two gauges, a lift, and batches to feed it with. */
import type { District, Place, Sensor } from '@forewarn/contracts/district'
import type { ReadingBatch } from '@forewarn/contracts/reading'

const position = { lon: 121.448, lat: 31.229, crs: 'WGS-84' } as const

function place(id: string, kind: Place['kind'], limits: Record<string, number>): Place {
  return { id, kind, name: { zh: id, en: id }, position, catchment: 'steep', limits, stagingPoints: [] }
}

function sensor(id: string, quantity: Sensor['quantity'], gateway: string, rest: Partial<Sensor>): Sensor {
  return { id, quantity, gateway, position, periodS: 60, ...rest }
}

const limits = { flooded: 0.15, closed: 0.25, danger: 0.4 }

export const testDistrict: District = {
  id: 'test',
  name: { zh: '测试区', en: 'Test' },
  timeZone: 'Asia/Shanghai',
  gateways: [
    { id: 'gw-a', kind: 'field' },
    { id: 'gw-b', kind: 'field' },
  ],
  places: [place('steep-01', 'low-road', limits), place('steep-02', 'underpass', limits), place('lift-1', 'lift', {})],
  units: [],
  sensors: [
    sensor('depth-1', 'water_depth', 'gw-a', { place: 'steep-01' }),
    sensor('level-2', 'manhole_level', 'gw-a', { place: 'steep-02' }),
    sensor('gauge-1', 'rain', 'gw-b', { catchment: 'steep' }),
    sensor('gauge-2', 'rain', 'gw-b', { catchment: 'steep' }),
    sensor('lift-1.trapped', 'lift_trapped', 'gw-b', { place: 'lift-1' }),
  ],
}

export const startMs = Date.UTC(2026, 6, 5, 3)

export interface Row {
  readonly sensor: string
  /** Minutes after `startMs`. */
  readonly min: number
  readonly value: number
  readonly quality?: number
}

/** One gateway's message. It arrives with its newest reading unless `receivedMin` says otherwise. */
export function batchOf(rows: readonly Row[], receivedMin?: number): ReadingBatch {
  const indices = rows.map(row => testDistrict.sensors.findIndex(({ id }) => id === row.sensor))
  const gatewayId = testDistrict.sensors[indices[0] ?? 0]?.gateway
  return {
    gateway: testDistrict.gateways.findIndex(({ id }) => id === gatewayId),
    receivedAtMs: startMs + (receivedMin ?? Math.max(...rows.map(({ min }) => min))) * 60_000,
    sequence: -1,
    sensor: Uint32Array.from(indices),
    measuredAtMs: Float64Array.from(rows, ({ min }) => startMs + min * 60_000),
    value: Float64Array.from(rows, ({ value }) => value),
    quality: Uint8Array.from(rows, ({ quality }) => quality ?? 0),
  }
}

/** A cloudburst of an hour, water on one road, and quiet again: one batch per gateway and minute, four hours. */
export function stormBatches(): ReadingBatch[] {
  return Array.from({ length: 240 }, (_, minute) => minute + 1).flatMap(min => {
    const rain = min > 10 && min <= 70 ? 1.6 : 0
    const depth = min < 40 || min > 110 ? 0.01 : Math.min(0.32, (min - 40) * 0.02)
    return [
      batchOf([
        { sensor: 'gauge-1', min, value: rain },
        { sensor: 'gauge-2', min, value: rain * 0.8 },
        { sensor: 'lift-1.trapped', min, value: min > 90 && min < 100 ? 1 : 0 },
      ]),
      batchOf([
        { sensor: 'depth-1', min, value: depth },
        { sensor: 'level-2', min, value: depth - 1 },
      ]),
    ]
  })
}
