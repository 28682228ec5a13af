/**
 * How long a unit takes along the road when it rains. Shortest in time on the directed road graph; positions are
 * snapped to the nearest node.
 */
import { distanceM, type Position, type RoadGraph } from '@forewarn/contracts/geography'
import createGraph from 'ngraph.graph'
import { aStar } from 'ngraph.path'

export interface Route {
  readonly lengthM: number
  readonly travelMs: number
  /** [longitude, latitude], from the unit to where it is sent. */
  readonly points: [number, number][]
}

export type FindRoute = (from: Position, to: Position) => Route

/** Wet roads: travel takes this much longer than on a dry day. */
export const rainFactor = 1.15
/** Off the graph (a yard, a gate, a gap in the data): slowly, and not in a straight line. */
const offRoad = { speedKmPerHour: 20, detour: 1.4 }
const fastestKmPerHour = 120

/** Prepares the graph once; the returned function finds a route in about 0.2 ms for a district. */
export function routesOn(roads: RoadGraph): FindRoute {
  const positions = new Map(roads.nodes.map(({ id, lon, lat }) => [id, { lon, lat, crs: 'WGS-84' as const }]))
  const graph = createGraph<Position, { lengthM: number; seconds: number }>()
  for (const [id, position] of positions) graph.addNode(id, position)
  for (const { from, to, lengthM, speedKmPerHour } of roads.edges) {
    graph.addLink(from, to, { lengthM, seconds: secondsFor(lengthM, speedKmPerHour) })
  }
  const finder = aStar(graph, {
    oriented: true,
    distance: (_from, _to, link) => link.data.seconds,
    heuristic: (from, to) => secondsFor(distanceM(from.data, to.data), fastestKmPerHour),
  })
  return (from, to) => {
    const start = nearest(positions, from)
    const end = nearest(positions, to)
    if (start === undefined || end === undefined) return straight(from, to)
    const nodes = finder.find(start, end).reverse()
    if (nodes.length === 0) return straight(from, to)
    const legs = nodes.slice(1).map((node, i) => graph.getLink(nodes[i]?.id ?? '', node.id)?.data)
    const onRoad = nodes.map(({ data }) => data)
    const access = straight(from, onRoad[0] ?? from)
    const egress = straight(onRoad.at(-1) ?? to, to)
    return {
      lengthM: access.lengthM + sum(legs.map(leg => leg?.lengthM ?? 0)) + egress.lengthM,
      travelMs: access.travelMs + sum(legs.map(leg => leg?.seconds ?? 0)) * 1000 + egress.travelMs,
      points: [from, ...onRoad, to].map(pointOf),
    }
  }
}

function secondsFor(lengthM: number, speedKmPerHour: number): number {
  return (lengthM / (speedKmPerHour / 3.6)) * rainFactor
}

function straight(from: Position, to: Position): Route {
  const lengthM = distanceM(from, to) * offRoad.detour
  return { lengthM, travelMs: secondsFor(lengthM, offRoad.speedKmPerHour) * 1000, points: [pointOf(from), pointOf(to)] }
}

function pointOf({ lon, lat }: Position): [number, number] {
  return [lon, lat]
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function nearest(positions: ReadonlyMap<string, Position>, wanted: Position): string | undefined {
  // Flat distance is enough to compare within a district; longitude shrinks with latitude.
  const shrink = Math.cos((wanted.lat * Math.PI) / 180)
  let found: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const [id, { lon, lat }] of positions) {
    const away = ((lon - wanted.lon) * shrink) ** 2 + (lat - wanted.lat) ** 2
    if (away >= least) continue
    least = away
    found = id
  }
  return found
}
