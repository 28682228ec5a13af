/** The profile of SDI-12 sensors on one line; an example is in `examples/sdi12.yaml`. */
import { z } from 'zod'
import { LineAddress } from '../line-stream.ts'
import { Duration, profileFields, sensorFields } from '../profile-fields.ts'

const Value = z.strictObject({
  ...sensorFields,
  /** Which of the values that the sensor gives, from 1. */
  value: z.number().int().min(1).max(99),
})

const Device = z.strictObject({
  address: z.string().regex(/^[0-9A-Za-z]$/, 'one digit or letter, in quotes'),
  every: Duration.prefault('1 min'),
  /** `M` and `C` measure, with another digit other things; `C` at their end asks for a CRC, which is advised. */
  command: z
    .string()
    .regex(/^[MC]C?[1-9]?$/, 'M, MC, C or CC, perhaps with a digit')
    .default('MC'),
  place: z.string().optional(),
  note: z.string().optional(),
  read: z.array(Value).min(1),
})
export type Sdi12Device = z.infer<typeof Device>

export const Sdi12Profile = z.strictObject({
  source: z.literal('sdi12'),
  ...profileFields,
  /** An adapter from SDI-12 to a serial port or to TCP. The bus itself is 1200 baud, 7 data bits, even parity. */
  line: LineAddress,
  /** How long an answer may take to come, on the wall clock: the bus is slow, and an adapter adds to it. */
  timeout: Duration.prefault('2 s'),
  devices: z.array(Device).min(1),
})
export type Sdi12Profile = z.infer<typeof Sdi12Profile>
