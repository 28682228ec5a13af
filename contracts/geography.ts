/**
 * Where things are. Inside the house every coordinate is WGS-84; Chinese map services give GCJ-02 or BD-09,
 * some 500 m off, so a position without its coordinate system is refused at the door.
 */
import { z } from 'zod'

export const Position = z.object({
  lon: z.number().min(-180).max(180),
  lat: z.number().min(-90).max(90),
  crs: z.literal('WGS-84'),
})
export type Position = z.infer<typeof Position>

const earthRadiusM = 6_371_008.8

/** Great-circle distance in metres (haversine, mean earth radius of IUGG). */
export function distanceM(a: Position, b: Position): number {
  const radians = Math.PI / 180
  const dLat = (b.lat - a.lat) * radians
  const dLon = (b.lon - a.lon) * radians
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.lat * radians) * Math.cos(b.lat * radians) * Math.sin(dLon / 2) ** 2
  return 2 * earthRadiusM * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** A drivable road network: what routes are found on. Edges are directed; `lengthM` along the road. */
export const RoadGraph = z.object({
  nodes: z.array(z.object({ id: z.string(), lon: z.number(), lat: z.number() })),
  edges: z.array(
    z.object({
      from: z.string(),
      to: z.string(),
      lengthM: z.number().positive(),
      speedKmPerHour: z.number().positive(),
      name: z.string().optional(),
    }),
  ),
})
export type RoadGraph = z.infer<typeof RoadGraph>

/** What the console draws under the warnings. GeoJSON in WGS-84, with the attribution that its licence asks for. */
export const MapLayers = z.object({
  attribution: z.string(),
  layers: z.array(
    z.object({
      id: z.enum(['district', 'subdistricts', 'roads', 'water', 'neighbours']),
      geojson: z.object({ type: z.literal('FeatureCollection'), features: z.array(z.unknown()) }),
    }),
  ),
})
export type MapLayers = z.infer<typeof MapLayers>
