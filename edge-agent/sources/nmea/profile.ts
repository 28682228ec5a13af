/** The profile of an instrument that speaks NMEA 0183; an example is in `examples/nmea.yaml`. */
import { z } from 'zod'
import { LineAddress } from '../line-stream.ts'
import { Duration, profileFields, sensorFields } from '../profile-fields.ts'

const NmeaSensor = z.strictObject({
  ...sensorFields,
  /** The kind of sentence, without the talker: `DBT`, `MWV`, `XDR`. */
  sentence: z.string().regex(/^[A-Z0-9]{3,}$/, 'the letters of a sentence, such as DBT'),
  /** The field's name, as `forewarn decode nmea` shows it: `depth_m`. */
  field: z.string().min(1).optional(),
  /** Of XDR: the name of the transducer. */
  transducer: z.string().min(1).optional(),
  /** Instruments speak every second; one value in so long is enough. */
  every: Duration.prefault('10 s'),
})
export type NmeaSensor = z.infer<typeof NmeaSensor>

export const NmeaProfile = z
  .strictObject({
    source: z.literal('nmea'),
    ...profileFields,
    /** A serial port (4800 baud as a rule) or a TCP port that the instrument or its gateway listens on. */
    line: LineAddress,
    sensors: z.array(NmeaSensor).min(1),
  })
  .superRefine(({ sensors }, context) => {
    for (const [at, { sentence, field, transducer }] of sensors.entries()) {
      const wanted = sentence === 'XDR' ? transducer : field
      const name = sentence === 'XDR' ? 'transducer' : 'field'
      if (wanted === undefined) {
        context.addIssue({ code: 'custom', path: ['sensors', at, name], message: `${sentence} needs "${name}"` })
      }
    }
  })
export type NmeaProfile = z.infer<typeof NmeaProfile>
