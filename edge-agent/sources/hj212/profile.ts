/** The profile of devices that speak HJ 212; an example is in `examples/hj212.yaml`. */
import { z } from 'zod'
import { Listen, profileFields, sensorFields } from '../profile-fields.ts'

const DeviceSensor = z.strictObject({
  ...sensorFields,
  /** Code of the factor: `a34004` is PM2.5, `LA` noise. */
  factor: z.string().min(1),
  /** Rtd is the real-time value; Avg, Min, Max, Cou of a period. */
  item: z.string().min(1).default('Rtd'),
})
export type DeviceSensor = z.infer<typeof DeviceSensor>

const Device = z.strictObject({
  /** The device's MN; empty for one that sends none. */
  mn: z.string({ error: 'write the MN in quotes' }),
  /** When given, packets with another PW are refused. */
  password: z.string({ error: 'write the password in quotes: "123456"' }).optional(),
  /** Which checksum it sends; the status counts which one fits. */
  dialect: z.enum(['annex-a', 'modbus']).default('annex-a'),
  place: z.string().optional(),
  note: z.string().optional(),
  sensors: z.array(DeviceSensor).min(1),
})
export type DeviceProfile = z.infer<typeof Device>

export const Hj212Profile = z
  .strictObject({
    source: z.literal('hj212'),
    ...profileFields,
    listen: Listen,
    devices: z.array(Device).min(1),
  })
  .superRefine(({ devices }, context) => {
    const seen = new Set<string>()
    for (const [at, { mn }] of devices.entries()) {
      if (seen.has(mn))
        context.addIssue({ code: 'custom', path: ['devices', at, 'mn'], message: `"${mn}" is there twice` })
      seen.add(mn)
    }
  })
export type Hj212Profile = z.infer<typeof Hj212Profile>
