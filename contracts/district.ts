/**
 * The registry: everything the house knows before the first reading. One document per district, read at start;
 * a sensor that is not in it is a stranger, and a sensor that is in it and silent is missed.
 */
import { z } from 'zod'
import { Position } from './geography.ts'
import { Quantity } from './quantity.ts'
import { Text } from './text.ts'

/** Ids travel in topics, file names and job ids: letters, digits, dot, dash and underscore only. */
export const Id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)

export const Gateway = z.object({
  id: Id,
  name: Text.optional(),
  /** `field` gateways carry sensors, `vehicle` gateways sit in a truck and carry orders and progress. */
  kind: z.enum(['field', 'vehicle']),
})
export type Gateway = z.infer<typeof Gateway>

export const Sensor = z.object({
  id: Id,
  quantity: Quantity,
  gateway: Id,
  /**
   * Other names under which ordinary devices speak of it, such as `zigbee2mqtt/lamp#temperature`; see
   * ingest/formats/README.md.
   */
  aliases: z.array(z.string().min(1).max(300)).max(20).optional(),
  /** What it watches. A rain gauge watches a catchment instead, and may have no place. */
  place: Id.optional(),
  catchment: Id.optional(),
  position: Position,
  /** It should speak at least this often. */
  periodS: z.number().positive(),
})
export type Sensor = z.infer<typeof Sensor>

export const placeKinds = [
  'underpass',
  'low-road',
  'manhole',
  'pump-station',
  'compound',
  'lift',
  'plaza',
  'car-park',
  'building',
  'substation',
  'weather-station',
] as const

export const StagingPoint = z.object({
  id: Id,
  name: Text,
  position: Position,
})
export type StagingPoint = z.infer<typeof StagingPoint>

export const Place = z.object({
  id: Id,
  kind: z.enum(placeKinds),
  name: Text,
  subdistrict: z.string().optional(),
  position: Position,
  /** The drainage catchment whose gauges rain on this place. */
  catchment: Id.optional(),
  /** Limits that rules read as `place.limit.<name>`, in the unit of the watched quantity. */
  limits: z.record(z.string(), z.number()).default({}),
  /** Where a truck waits before the road floods: dry, and reachable. First is preferred. */
  stagingPoints: z.array(StagingPoint).default([]),
})
export type Place = z.infer<typeof Place>

export const Unit = z.object({
  id: Id,
  kind: z.enum(['pump-truck', 'drainage-crew', 'lift-crew', 'patrol']),
  name: Text,
  /** The vehicle's own gateway: orders go down through it, progress comes up. */
  gateway: Id,
  capacityM3PerHour: z.number().nonnegative().default(0),
  crew: z.number().int().positive(),
  base: Position,
})
export type Unit = z.infer<typeof Unit>

export const District = z.object({
  id: Id,
  name: Text,
  /** IANA name; officers read the clock in it. */
  timeZone: z.string(),
  gateways: z.array(Gateway),
  sensors: z.array(Sensor),
  places: z.array(Place),
  units: z.array(Unit),
})
export type District = z.infer<typeof District>
