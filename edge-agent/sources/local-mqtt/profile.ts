/** The profile of a broker on this site; an example is in `examples/local-mqtt.yaml`. */
import { z } from 'zod'
import { isTimeFormat, isZone } from '../csv-folder/row-time.ts'
import { profileFields, sensorFields } from '../profile-fields.ts'

const MqttSensor = z.strictObject({
  ...sensorFields,
  /** May hold `+` and `#`, as MQTT has them. */
  topic: z.string().min(1),
  /** Where in a JSON payload the value is: `depth`, `data.0.value`. Without it the payload itself is the value. */
  path: z.string().min(1).optional(),
  /** Numbers for words: `{ ON: 1, OFF: 0 }`. */
  words: z.record(z.string(), z.number()).default({}),
  /** Where in a JSON payload the time is; without it, or when it is not there, the time of arrival counts. */
  time: z
    .strictObject({
      path: z.string().min(1),
      format: z
        .string()
        .default('iso')
        .refine(isTimeFormat, 'iso, unix-s, unix-ms, or a picture of YYYY MM DD HH mm ss'),
      zone: z.string().default('UTC').refine(isZone, 'an IANA time zone such as Asia/Shanghai'),
    })
    .optional(),
})
export type MqttSensor = z.infer<typeof MqttSensor>

export const LocalMqttProfile = z.strictObject({
  source: z.literal('local-mqtt'),
  ...profileFields,
  broker: z.strictObject({
    url: z.url({ protocol: /^mqtts?$/ }),
    username: z.string().optional(),
    passwordFile: z.string().optional(),
    caFile: z.string().optional(),
    certFile: z.string().optional(),
    keyFile: z.string().optional(),
  }),
  /** The broker keeps messages under this name while the agent is away: no two agents may have the same. */
  clientId: z.string().min(1).max(64),
  sensors: z.array(MqttSensor).min(1),
})
export type LocalMqttProfile = z.infer<typeof LocalMqttProfile>
