/** The map of the simulated district: layers to draw, the road graph to drive on, and names of its roads. */
import { readFileSync } from 'node:fs'
import { distanceM, type MapLayers, type Position, type RoadGraph } from '@forewarn/contracts/geography'
import type { Text } from '@forewarn/contracts/text'
import { z } from 'zod'

const folder = new URL('geo/', import.meta.url)

/** As the licences of geo/ ask. */
export const attribution = '© OpenStreetMap contributors (ODbL) · Apache ECharts (Apache-2.0)'

const Point = z.tuple([z.number(), z.number()])
const Ring = z.array(Point).min(4)
const Collection = z.object({ type: z.literal('FeatureCollection'), features: z.array(z.unknown()) })
const Area = z.object({
  properties: z.object({ name: z.string(), name_en: z.string() }),
  geometry: z.object({ type: z.literal('Polygon'), coordinates: z.array(Ring).min(1) }),
})
const SourceEdge = z.tuple([
  z.number().int(),
  z.number().int(),
  z.number().positive(),
  z.number().positive(),
  z.number(),
  z.number(),
  z.number().int(),
  z.array(Point).min(2),
])
const SourceGraph = z.object({
  names: z.array(z.string()),
  nodes: z.array(z.tuple([z.number(), z.number(), z.number()])),
  edges: z.array(SourceEdge),
})
type SourceGraph = z.infer<typeof SourceGraph>

function read<Schema extends z.ZodType>(name: string, schema: Schema): z.output<Schema> {
  return schema.parse(JSON.parse(readFileSync(new URL(name, folder), 'utf8')))
}

/** What the console draws. */
export function loadMapLayers(): MapLayers {
  const file = (name: string) => read(`${name}.geojson`, Collection).features
  const layer = (id: MapLayers['layers'][number]['id'], features: unknown[]) => ({
    id,
    geojson: { type: 'FeatureCollection' as const, features },
  })
  return {
    attribution,
    layers: [
      layer('neighbours', file('neighbours')),
      layer('district', file('district')),
      layer('subdistricts', file('subdistricts')),
      layer('water', file('water')),
      layer('roads', [...file('roads'), ...file('elevated-roads')]),
    ],
  }
}

/** A place on the road where something can stand: not on a bridge, not in a tunnel. */
export interface RoadSpot {
  readonly node: string
  readonly position: Position
  /** Names of the roads that meet here, as OpenStreetMap has them. */
  readonly roads: readonly string[]
}

export interface Roads {
  readonly graph: RoadGraph
  /** Junctions and bends at ground level, in the graph's order. */
  readonly spots: readonly RoadSpot[]
}

/**
 * The road graph, its bends made nodes so that a route follows the road. Every node reaches every other.
 */
export function loadRoads(): Roads {
  const source = read('road-graph.json', SourceGraph)
  const nodes = source.nodes.map(([lon, lat], index) => ({ id: `n${index}`, lon, lat }))
  const edges: RoadGraph['edges'] = []
  const roadsAt = new Map<string, Set<string>>()
  const bendIds = new Map<string, string>()
  for (const edge of source.edges) {
    const path = bentPath(edge, bendIds)
    nodes.push(...path.newBends)
    edges.push(...path.edges(source.names))
    const name = source.names[edge[6]] ?? ''
    if (edge[5] !== 0 || name === '') continue
    for (const { id } of path.stops) roadsAt.set(id, (roadsAt.get(id) ?? new Set()).add(name))
  }
  const raised = new Set(source.edges.filter(edge => edge[5] !== 0).flatMap(([from, to]) => [`n${from}`, `n${to}`]))
  const spots = nodes
    .filter(({ id }) => roadsAt.has(id) && !raised.has(id))
    .map(({ id, lon, lat }) => ({ node: id, position: at(lon, lat), roads: [...(roadsAt.get(id) ?? [])] }))
  return { graph: { nodes, edges }, spots }
}

function bentPath(
  [from, to, lengthM, speedKmPerHour, , , nameIndex, line]: z.infer<typeof SourceEdge>,
  bendIds: Map<string, string>,
) {
  const newBends: RoadGraph['nodes'] = []
  const bends = line.slice(1, -1).map(([lon, lat]) => {
    // The two directions of one road share their bends.
    const key = `${lon} ${lat}`
    const id = bendIds.get(key) ?? `b${bendIds.size}`
    if (!bendIds.has(key)) newBends.push({ id, lon, lat })
    bendIds.set(key, id)
    return { id }
  })
  const points = line.map(([lon, lat]) => at(lon, lat))
  const spans = points.slice(1).map((point, i) => distanceM(points[i] ?? point, point))
  const drawnM = spans.reduce((sum, span) => sum + span, 0)
  const stops = [{ id: `n${from}` }, ...bends, { id: `n${to}` }]
  const edges = (names: readonly string[]): RoadGraph['edges'] =>
    spans.map((span, i) => ({
      from: stops[i]?.id ?? '',
      to: stops[i + 1]?.id ?? '',
      // Shared out so that the parts are as long as the road was measured.
      lengthM: Math.max(0.1, drawnM > 0 ? (span / drawnM) * lengthM : lengthM / spans.length),
      speedKmPerHour,
      ...(names[nameIndex] ? { name: names[nameIndex] } : {}),
    }))
  return { newBends, stops, edges }
}

function at(lon: number, lat: number): Position {
  return { lon, lat, crs: 'WGS-84' }
}

/** A road's name in both languages; English falls back to the Chinese one. */
export function loadRoadNames(): (zh: string) => Text {
  const english = read('road-names.json', z.record(z.string(), z.string()))
  return zh => ({ zh, en: english[zh] ?? zh })
}

export interface NamedArea {
  readonly name: Text
  contains(position: Position): boolean
  /** West, south, east, north. */
  readonly bounds: readonly [number, number, number, number]
}

/** The outline of the district, and those of its sub-districts that are known. */
export function loadAreas(): { district: NamedArea; subdistricts: NamedArea[] } {
  const areas = (name: string) =>
    read(`${name}.geojson`, Collection.extend({ features: z.array(Area) })).features.map(areaOf)
  const [district] = areas('district')
  if (district === undefined) throw new Error('geo/district.geojson has no outline')
  return { district, subdistricts: areas('subdistricts') }
}

function areaOf({ properties, geometry }: z.infer<typeof Area>): NamedArea {
  const ring = geometry.coordinates[0] ?? []
  const lons = ring.map(([lon]) => lon)
  const lats = ring.map(([, lat]) => lat)
  return {
    name: { zh: properties.name, en: properties.name_en },
    bounds: [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)],
    contains: position => isInside(position, ring),
  }
}

/** Ray casting to the east. */
function isInside({ lon, lat }: Position, ring: readonly (readonly [number, number])[]): boolean {
  let inside = false
  for (const [index, [x1, y1]] of ring.entries()) {
    const [x2, y2] = ring.at(index - 1) ?? [x1, y1]
    if (y1 > lat !== y2 > lat && lon < ((x2 - x1) * (lat - y1)) / (y2 - y1) + x1) inside = !inside
  }
  return inside
}
