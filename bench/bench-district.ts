/**
 * The district the load speaks for: gateways with a hundred depth sensors each, judged by the catalogue's rules, and
 * places with one smoke sensor each, for the probes that time a warning.
 */
import type { District, Place, Sensor } from '@forewarn/contracts/district'
import type { Position } from '@forewarn/contracts/geography'

const position: Position = { lon: 121.45, lat: 31.23, crs: 'WGS-84' }
export const probeGateway = 'gw-probe'
export const sensorsPerGateway = 100

function place(id: string, kind: Place['kind']): Place {
  const limits = { flooded: 0.15, closed: 0.25, danger: 0.4 }
  return { id, kind, name: { zh: id, en: id }, position, limits, stagingPoints: [] }
}

/** A district of `gateways` × 100 depth sensors and `probes` smoke sensors. */
export function benchDistrict({ gateways, probes }: { gateways: number; probes: number }): District {
  const fieldIds = Array.from({ length: gateways }, (_, index) => `gw-${index}`)
  const depth = fieldIds.flatMap((gateway, index) =>
    Array.from({ length: sensorsPerGateway }, (_, at): Sensor => {
      const id = `s${index * sensorsPerGateway + at}`
      return { id, quantity: 'water_depth', gateway, place: `road-${index}`, position, periodS: 600 }
    }),
  )
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
    sensors: [...depth, ...smoke],
    places: [
      ...fieldIds.map((_, index) => place(`road-${index}`, 'low-road')),
      ...smoke.map((_, at) => place(`hall-${at}`, 'building')),
    ],
    units: [],
  }
}
