/** The profile of fire transmitters (GB/T 26875.3); an example is in `examples/gb26875.yaml`. */
import { stateNames, transmitterStateNames } from '@forewarn/protocols/gb26875/objects'
import { z } from 'zod'
import { Duration, Listen, profileFields, sensorFields } from '../profile-fields.ts'

const byte = z.number().int().min(0).max(255)

/** What of a transmitter becomes which sensor. A state is read as 1 when its bit is set and 0 when it is not. */
const FireSensor = z.discriminatedUnion('from', [
  /** A building's system as a whole, e.g. its alarm panel (type 1). */
  z.strictObject({
    ...sensorFields,
    from: z.literal('system'),
    sysType: byte,
    sysAddr: byte,
    state: z.enum(stateNames),
  }),
  /** One detector or call point (type 2). */
  z.strictObject({
    ...sensorFields,
    from: z.literal('part'),
    sysType: byte,
    sysAddr: byte,
    partAddr: z.number().int().min(0).max(0xffff_ffff),
    state: z.enum(stateNames),
  }),
  /** A measured value, in the unit of its kind: 2 height m, 3 temperature Cel, 4 pressure MPa, 5 kPa … (type 3). */
  z.strictObject({
    ...sensorFields,
    from: z.literal('analog'),
    sysType: byte,
    sysAddr: byte,
    partAddr: z.number().int().min(0).max(0xffff_ffff),
    analogType: byte,
  }),
  /** The transmitter itself (type 21). */
  z.strictObject({ ...sensorFields, from: z.literal('transmitter'), state: z.enum(transmitterStateNames) }),
  /** 1 as long as anything at this transmitter reports fire, mapped or not. */
  z.strictObject({ ...sensorFields, from: z.literal('any-fire') }),
])
export type FireSensor = z.infer<typeof FireSensor>

const Transmitter = z.strictObject({
  /** Twelve hex digits; what connects unasked is shown with its address among what was refused. */
  address: z
    .string()
    .regex(/^[0-9A-Fa-f]{12}$/, 'twelve hex digits, in quotes')
    .transform(address => address.toUpperCase()),
  place: z.string().optional(),
  note: z.string().optional(),
  sensors: z.array(FireSensor).min(1),
})
export type Transmitter = z.infer<typeof Transmitter>

export const Gb26875Profile = z.strictObject({
  source: z.literal('gb26875'),
  ...profileFields,
  listen: Listen,
  /** A transmitter whose clock is further off than this is not asked for the time: what it says is of now. */
  clockOffAtMost: Duration.prefault('10 min'),
  transmitters: z.array(Transmitter).min(1),
})
export type Gb26875Profile = z.infer<typeof Gb26875Profile>
