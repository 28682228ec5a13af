/** What a profile of kind `jt808` may hold: where terminals connect, which they are, and how their trucks get orders. */
import { Id } from '@forewarn/contracts/district'
import { z } from 'zod'
import { Duration, Listen, profileFields, sensorFields } from '../profile-fields.ts'

const VehicleSensor = z.strictObject({
  ...sensorFields,
  from: z.enum(['mileage_km', 'fuel_L', 'speed_kmh', 'recorderSpeed_kmh', 'signal', 'satellites', 'altitude_m', 'acc']),
})
export type VehicleSensor = z.infer<typeof VehicleSensor>

const Vehicle = z.strictObject({
  /** The terminal's number, 12 or 20 digits; zeros in front do not matter. */
  phone: z.string().regex(/^\d{1,20}$/, 'the terminal number, digits only'),
  /** The unit that orders name, and its own gateway in the registry. */
  unit: Id,
  gateway: Id,
  /** Holds the gateway's password for the broker. */
  passwordFile: z.string().min(1),
  /** The terminal's own number, when registration is to be held to it. */
  terminalId: z.string().optional(),
  /** For a terminal that was registered elsewhere and brings its code along. */
  authCode: z.string().min(1).max(64).optional(),
  /** What the terminal's positions are in; nothing in the protocol says. */
  coordinates: z.enum(['wgs84', 'gcj02']).default('wgs84'),
  /** What the driver's keys mean (event reports), by number. */
  events: z.record(z.string().regex(/^\d+$/), z.enum(['working', 'released', 'broken-down'])).default({}),
  sensors: z.array(VehicleSensor).default([]),
})
export type Vehicle = z.infer<typeof Vehicle>

export const Jt808Profile = z.strictObject({
  source: z.literal('jt808'),
  ...profileFields,
  listen: Listen,
  district: Id,
  broker: z.strictObject({
    url: z.url({ protocol: /^mqtts?$/ }),
    caFile: z.string().optional(),
    certFile: z.string().optional(),
    keyFile: z.string().optional(),
  }),
  /** Orders under way and the terminals' codes: a truck on its way stays so when the agent restarts. */
  stateFile: z.string().min(1),
  /** Nearer than this to the staging point, and standing, is arrived. */
  arrivedWithinM: z.number().positive().default(80),
  /** After an order: how often the truck is to say where it is, and for how long. */
  track: z.strictObject({ every: Duration, for: Duration }).prefault({ every: '10 s', for: '2 h' }),
  /** A position older than this is history and not where the truck is. */
  positionAtMost: Duration.prefault('5 min'),
  /** What drivers call places, by id. */
  placeNames: z.record(z.string(), z.string()).default({}),
  vehicles: z.array(Vehicle).min(1),
})
export type Jt808Profile = z.infer<typeof Jt808Profile>
