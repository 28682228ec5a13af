/**
 * Where the road floods in the simulated district: 64 points at real junctions, each with its limits and with dry
 * ground near by where a truck can wait. 44 of them carry the ids of the recorded sites.
 */
import type { Place, Sensor } from '@forewarn/contracts/district'
import { distanceM, type Position } from '@forewarn/contracts/geography'
import type { Text } from '@forewarn/contracts/text'
import { type Chance, chanceOf } from './chance.ts'
import { loadRoadNames, type RoadSpot, type Roads } from './geography.ts'
import { type KnownSite, knownSites } from './shipped-storms.ts'

/** Depths on the road in m: 0.15 is waterlogging, an underpass is closed at 0.25 in Shanghai. */
export const floodLimits = { flooded: 0.15, closed: 0.25, danger: 0.4 } as const

/** What has to be placed: a recorded site, or one that only this district has. */
export type FloodSite = Pick<KnownSite, 'id' | 'catchment' | 'kind' | 'quantity' | 'periodS'>

/** The middle of each catchment in the simulated district. */
const catchmentCentres: Readonly<Record<string, Position>> = {
  tidal: { lon: 121.4795, lat: 31.2365, crs: 'WGS-84' },
  flat5p: { lon: 121.4675, lat: 31.2345, crs: 'WGS-84' },
  steep: { lon: 121.468, lat: 31.226, crs: 'WGS-84' },
  lift9p: { lon: 121.4795, lat: 31.2265, crs: 'WGS-84' },
}

/** Points that no recording knows, five in each catchment: they have sensors and no forecast model. */
export function otherFloodSites(): FloodSite[] {
  return Object.keys(catchmentCentres).flatMap((catchment, area) =>
    Array.from({ length: 5 }, (_, index) => ({
      id: `jingan-${String(area * 5 + index + 1).padStart(2, '0')}`,
      catchment,
      kind: index === 0 ? ('underpass' as const) : ('low-road' as const),
      quantity: 'water_depth' as const,
      periodS: 60,
    })),
  )
}

/** The 64 sites of the simulated district. */
export function districtFloodSites(): FloodSite[] {
  return [...knownSites.values(), ...otherFloodSites()]
}

/**
 * Gives each site a junction of its own, near the middle of its catchment where it has one. The same sites and seed
 * always stand in the same places. Throws RangeError when there are more sites than junctions.
 */
export function placeFloodPoints(
  sites: readonly FloodSite[],
  { roads, seed }: { roads: Roads; seed: number },
): Place[] {
  const chance = chanceOf(seed, 'flood-points')
  const junctions = chance.shuffled(roads.spots.filter(spot => spot.roads.length >= 2))
  const nameOf = loadRoadNames()
  const taken: RoadSpot[] = []
  const names = new Set<string>()
  return sites.map(site => {
    const spot = nearestFree(site, { junctions, taken, chance })
    taken.push(spot)
    return placeAt(site, { spot, roads, nameOf, names })
  })
}

/** The free junction nearest to where the site should be, well apart from the others for as long as there is room. */
function nearestFree(
  site: FloodSite,
  { junctions, taken, chance }: { junctions: readonly RoadSpot[]; taken: readonly RoadSpot[]; chance: Chance },
): RoadSpot {
  const wish = catchmentCentres[site.catchment] ?? chance.pick(Object.values(catchmentCentres))
  for (const apartM of [140, 90, 40, 1]) {
    const free = junctions.filter(spot => taken.every(other => distanceM(spot.position, other.position) >= apartM))
    const near = free.toSorted((a, b) => distanceM(a.position, wish) - distanceM(b.position, wish))[0]
    if (near !== undefined) return near
  }
  throw new RangeError(`no junction left for ${site.id}: there are ${junctions.length}`)
}

interface PlaceOptions {
  readonly spot: RoadSpot
  readonly roads: Roads
  readonly nameOf: (road: string) => Text
  /** Names given so far, so that none is given twice. */
  readonly names: Set<string>
}

function placeAt(site: FloodSite, { spot, roads, nameOf, names }: PlaceOptions): Place {
  const name = junctionName(site, { spot, nameOf, names })
  return {
    id: site.id,
    kind: site.kind,
    name,
    position: spot.position,
    catchment: site.catchment,
    limits: { ...floodLimits },
    stagingPoints: stagingPoints(site, { spot, roads, nameOf }),
  }
}

function junctionName(site: FloodSite, { spot, nameOf, names }: Omit<PlaceOptions, 'roads'>): Text {
  const [first = '', second = ''] = spot.roads
  const [a, b] = [nameOf(first), nameOf(second)]
  const zh = `${a.zh}·${b.zh}${site.kind === 'underpass' ? '下立交' : '路口'}`
  const en = `${a.en}–${b.en} ${site.kind === 'underpass' ? 'underpass' : 'low point'}`
  for (let number = 1; ; number++) {
    const name = number === 1 ? { zh, en } : { zh: `${zh}（${number}）`, en: `${en} (${number})` }
    if (names.has(name.zh)) continue
    names.add(name.zh)
    return name
  }
}

/** Two dry spots 80–200 m away, as far from each other as can be: one may lie beyond the water. */
function stagingPoints(
  site: FloodSite,
  { spot, roads, nameOf }: Pick<PlaceOptions, 'spot' | 'roads' | 'nameOf'>,
): Place['stagingPoints'] {
  const ranked = (from: number, to: number) =>
    roads.spots
      .map(near => ({ near, awayM: distanceM(near.position, spot.position) }))
      .filter(({ awayM }) => awayM >= from && awayM <= to)
      .sort((a, b) => Math.abs(a.awayM - 120) - Math.abs(b.awayM - 120))
      .map(({ near }) => near)
  const near = ranked(80, 200)
  const [first] = near.length > 0 ? near : ranked(40, 400)
  if (first === undefined) throw new RangeError(`no road near ${site.id}`)
  const second = near
    .filter(other => other !== first)
    .toSorted((a, b) => distanceM(b.position, first.position) - distanceM(a.position, first.position))[0]
  return [first, ...(second === undefined ? [] : [second])].map(({ position, roads: [road = ''] }, index) => {
    const name = nameOf(road)
    return {
      id: `${site.id}-s${index + 1}`,
      name: { zh: `${name.zh}待命点`, en: `${name.en} staging point` },
      position,
    }
  })
}

/** The level sensor of a site. */
export function levelSensor(place: Place, { site, gateway }: { site: FloodSite; gateway: string }): Sensor {
  const { id, position } = place
  return { id: `${id}.level`, quantity: site.quantity, gateway, place: id, position, periodS: site.periodS }
}

/** The two rain gauges of a catchment, at two of its places. */
export function gaugesOf(catchment: string, { places, gateways }: { places: readonly Place[]; gateways: string[] }) {
  const own = places.filter(place => place.catchment === catchment)
  return [1, 2].map((number): Sensor => {
    const position = (own.at(number === 1 ? 0 : -1) ?? places[0])?.position ?? {
      lon: 121.47,
      lat: 31.23,
      crs: 'WGS-84',
    }
    const gateway = gateways[(number - 1) % gateways.length] ?? ''
    return { id: `${catchment}-g${number}.rain`, quantity: 'rain', gateway, catchment, position, periodS: 60 }
  })
}
