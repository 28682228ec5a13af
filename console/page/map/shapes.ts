/** The map's layers, projected once: GeoJSON in, paths of world points out. What is no geometry is left out. */
import type { MapLayers } from '@forewarn/contracts/geography'
import { boundsOf, type Point, project } from './projection.ts'

export type LayerId = MapLayers['layers'][number]['id']

export interface Shape {
  readonly layer: LayerId
  readonly closed: boolean
  readonly paths: readonly (readonly Point[])[]
  readonly name: { readonly zh: string; readonly en: string }
  /** Class of a road: elevated, primary, … */
  readonly kind: string
  readonly middle: Point
  /** Width plus height, in world units. */
  readonly span: number
}

/** All shapes of all layers. */
export function shapesOf(layers: MapLayers): Shape[] {
  return layers.layers.flatMap(({ id, geojson }) => geojson.features.flatMap(feature => shapeOf(id, feature) ?? []))
}

function shapeOf(layer: LayerId, feature: unknown): Shape | undefined {
  if (!isRecord(feature) || !isRecord(feature['geometry'])) return undefined
  const { type, coordinates } = feature['geometry']
  const properties = isRecord(feature['properties']) ? feature['properties'] : {}
  const paths = linesOf(coordinates)
  if (paths.length === 0) return undefined
  const zh = textOf(properties['name'] ?? properties['name:zh'])
  return {
    layer,
    closed: type === 'Polygon' || type === 'MultiPolygon',
    paths,
    name: { zh, en: textOf(properties['name_en'] ?? properties['name:en']) || zh },
    kind: textOf(properties['kind'] ?? properties['class'] ?? properties['highway']),
    middle: middleOf(paths),
    span: spanOf(paths),
  }
}

/** Every list of positions in a geometry, however deep it is nested. */
function linesOf(coordinates: unknown): Point[][] {
  if (!Array.isArray(coordinates)) return []
  if (isPosition(coordinates[0])) {
    return [coordinates.flatMap(position => (isPosition(position) ? [project(position[0], position[1])] : []))]
  }
  return coordinates.flatMap(linesOf)
}

function isPosition(value: unknown): value is [number, number] {
  return Array.isArray(value) && typeof value[0] === 'number' && typeof value[1] === 'number'
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function spanOf(paths: readonly (readonly Point[])[]): number {
  const bounds = boundsOf(paths.flat())
  return bounds === undefined ? 0 : bounds.maxX - bounds.minX + bounds.maxY - bounds.minY
}

/** The centroid of the longest path (area-weighted for rings): where its name goes. */
function middleOf(paths: readonly (readonly Point[])[]): Point {
  const ring = paths.reduce((longest, path) => (path.length > longest.length ? path : longest), paths[0] ?? [])
  let [area, x, y] = [0, 0, 0]
  for (const [i, a] of ring.entries()) {
    const b = ring[(i + 1) % ring.length] ?? a
    const cross = a.x * b.y - b.x * a.y
    area += cross
    x += (a.x + b.x) * cross
    y += (a.y + b.y) * cross
  }
  const first = ring[0] ?? { x: 0.5, y: 0.5 }
  return area === 0 ? first : { x: x / (3 * area), y: y / (3 * area) }
}
