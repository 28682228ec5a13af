/**
 * The district the load speaks for: gateways with a hundred sensors each, a third of them watched by the catalogue's rules,
 * and places with one smoke sensor each, for the probes that time a warning.
 */
import type { District, Place, Sensor } from '@forewarn/contracts/district'
import type { Position } from '@forewarn/contracts/geography'
import type { Quantity } from '@forewarn/contracts/quantity'
import type { LoadGateway } from './mqtt-load.ts'

const position: Position = { lon: 121.45, lat: 31.23, crs: 'WGS-84' }
export const probeGateway = 'gw-probe'
export const sensorsPerGateway = 100

function place(id: string, kind: Place['kind']): Place {
  const limits = { flooded: 0.15, closed: 0.25, danger: 0.4 }
  return { id, kind, name: { zh: id, en: id }, position, limits, stagingPoints: [] }
}

/** What hangs on one gateway: as in a city, a third of it is watched by rules and a little of that is water. */
const mix: readonly { quantity: Quantity; kind: Place['kind']; count: number }[] = [
  { quantity: 'water_depth', kind: 'low-road', count: 5 },
  { quantity: 'crowd_density', kind: 'plaza', count: 10 },
  { quantity: 'parking_occupancy', kind: 'car-park', count: 10 },
  { quantity: 'lift_door_time', kind: 'lift', count: 10 },
  { quantity: 'temperature', kind: 'weather-station', count: 15 },
  { quantity: 'humidity', kind: 'weather-station', count: 10 },
  { quantity: 'pm2_5', kind: 'weather-station', count: 10 },
  { quantity: 'noise', kind: 'compound', count: 10 },
  { quantity: 'power_load', kind: 'substation', count: 10 },
  { quantity: 'vibration', kind: 'pump-station', count: 10 },
]

function gatewayPart(gateway: string, first: number): { sensors: Sensor[]; places: Place[] } {
  let next = first
  const sensors = mix.flatMap(({ quantity, kind, count }) =>
    Array.from({ length: count }, (): Sensor => {
      return { id: `s${next++}`, quantity, gateway, place: `${kind}-${gateway}`, position, periodS: 600 }
    }),
  )
  const kinds = [...new Set(mix.map(({ kind }) => kind))]
  return { sensors, places: kinds.map(kind => place(`${kind}-${gateway}`, kind)) }
}

/** The gateways of that district as the load speaks for them; `passwordOf` is '' where nobody asks for one. */
export function loadGateways(gateways: number, passwordOf: (id: string) => string): LoadGateway[] {
  return Array.from({ length: gateways }, (_, index) => {
    const id = `gw-${index}`
    const password = passwordOf(id)
    const sensors = Array.from({ length: sensorsPerGateway }, (_unused, at) => `s${index * sensorsPerGateway + at}`)
    const topic = `fw/1/bench/${id}`
    return { id, username: password === '' ? '' : id, password, topic, sensors }
  })
}

/** A district of `gateways` × 100 sensors and `probes` smoke sensors. */
export function benchDistrict({ gateways, probes }: { gateways: number; probes: number }): District {
  const fieldIds = Array.from({ length: gateways }, (_, index) => `gw-${index}`)
  const parts = fieldIds.map((gateway, index) => gatewayPart(gateway, index * sensorsPerGateway))
  const smoke = Array.from({ length: probes }, (_, at): Sensor => {
    return {
      id: `probe-${at}`,
      quantity: 'smoke_obscuration',
      gateway: probeGateway,
      place: `hall-${at}`,
      position,
      periodS: 600,
    }
  })
  return {
    id: 'bench',
    name: { zh: '测试区', en: 'Bench' },
    timeZone: 'Asia/Shanghai',
    gateways: [...fieldIds, probeGateway].map(id => ({ id, kind: 'field' })),
    sensors: [...parts.flatMap(part => part.sensors), ...smoke],
    places: [...parts.flatMap(part => part.places), ...smoke.map((_, at) => place(`hall-${at}`, 'building'))],
    units: [],
  }
}
