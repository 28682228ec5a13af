/**
 * Make-believe districts: the whole of Jing'an for `npm start`, or just the places of one recording for
 * `forewarn play`. The same seed always makes the same district.
 */
import type { District, Gateway, Sensor } from '@forewarn/contracts/district'
import type { MapLayers, RoadGraph } from '@forewarn/contracts/geography'
import { makeCity } from './city-sensors.ts'
import { makeFleet } from './fleet.ts'
import { districtFloodSites, type FloodSite, gaugesOf, levelSensor, placeFloodPoints } from './flood-points.ts'
import { loadMapLayers, loadRoads, type Roads } from './geography.ts'
import type { Recording } from './recording.ts'
import { knownSites } from './shipped-storms.ts'

export interface MadeDistrict {
  readonly district: District
  readonly mapLayers: MapLayers
  readonly roadGraph: RoadGraph
  /** Ids of the gateways that need a password, in the field and in vehicles. */
  readonly secretsNeeded: string[]
}

const identity = {
  id: 'jingan',
  name: { zh: '静安区（模拟）', en: "Jing'an (simulated)" },
  timeZone: 'Asia/Shanghai',
} as const

/** Gateways of the flood points: two in each catchment. */
function catchmentGateways(catchment: string): Gateway[] {
  return [1, 2].map(number => ({
    id: `gw-${catchment}-${number}`,
    name: { zh: `${catchment}片区网关${number}`, en: `${catchment} gateway ${number}` },
    kind: 'field',
  }))
}

/** Simulated Jing'an: 40 field gateways, some 2,000 sensors of every quantity, 64 flood points, 20 units. */
export function makeDistrict({ seed }: { seed: number }): MadeDistrict {
  const roads = loadRoads()
  const flood = makeFloodPart(districtFloodSites(), { roads, seed, sites: districtFloodSites() })
  const city = makeCity({ seed, gatewayCount: 40 - flood.gateways.length })
  return assemble(roads, {
    gateways: [...flood.gateways, ...city.gateways],
    sensors: [...flood.sensors, ...city.sensors],
    places: [...flood.places, ...city.places],
  })
}

/**
 * The district of one recording: its sites, its gauges, and the whole fleet. Recorded sites that Jing'an has stand
 * where they stand there; strangers take junctions that are free.
 */
export function districtForRecording(recording: Recording, { seed }: { seed: number }): MadeDistrict {
  const roads = loadRoads()
  const sites = recording.sites.map(site => ({ ...site, catchment: recording.catchment }))
  const strangers = sites.filter(({ id }) => !knownSites.has(id))
  const flood = makeFloodPart([...districtFloodSites(), ...strangers], { roads, seed, sites })
  const gauges = new Set(recording.gauges)
  const sensors = flood.sensors.filter(({ id, quantity }) => quantity !== 'rain' || gauges.has(id))
  return assemble(roads, { ...flood, sensors: [...sensors, ...moreGauges(recording, sensors)] })
}

/** Gauges of a recording that are not named as ours are. */
function moreGauges({ gauges, catchment }: Recording, sensors: readonly Sensor[]): Sensor[] {
  const known = new Set(sensors.map(({ id }) => id))
  const position = sensors[0]?.position ?? { lon: 121.47, lat: 31.23, crs: 'WGS-84' }
  return gauges
    .filter(id => !known.has(id))
    .map(id => ({ id, quantity: 'rain', gateway: `gw-${catchment}-1`, catchment, position, periodS: 60 }))
}

/**
 * Places all of `placed`, so that each stands where it always stands, and keeps those of `sites` with their
 * sensors, gauges and gateways.
 */
function makeFloodPart(
  placed: readonly FloodSite[],
  { roads, seed, sites }: { roads: Roads; seed: number; sites: readonly FloodSite[] },
) {
  const siteById = new Map(sites.map(site => [site.id, site]))
  const places = placeFloodPoints(placed, { roads, seed }).filter(({ id }) => siteById.has(id))
  const catchments = [...new Set(sites.map(({ catchment }) => catchment))]
  const gateways = catchments.flatMap(catchmentGateways)
  const levels = places.flatMap((place, index) => {
    const site = siteById.get(place.id)
    return site === undefined ? [] : [levelSensor(place, { site, gateway: `gw-${site.catchment}-${(index % 2) + 1}` })]
  })
  const gauges = catchments.flatMap(catchment =>
    gaugesOf(catchment, { places, gateways: catchmentGateways(catchment).map(({ id }) => id) }),
  )
  return { places, gateways, sensors: [...levels, ...gauges] }
}

function assemble(roads: Roads, parts: Pick<District, 'gateways' | 'sensors' | 'places'>): MadeDistrict {
  const fleet = makeFleet(roads)
  const gateways = [...parts.gateways, ...fleet.gateways]
  return {
    district: { ...identity, ...parts, gateways, units: fleet.units },
    mapLayers: loadMapLayers(),
    roadGraph: roads.graph,
    secretsNeeded: gateways.map(({ id }) => id),
  }
}
