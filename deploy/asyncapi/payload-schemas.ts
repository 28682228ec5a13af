/**
 * The shapes of payloads that no process parses with zod, as zod says them: packs and columns, which are read by hand
 * for speed, and what ordinary devices send. For the published contract; its test holds them against real payloads.
 */
import { columnsAtMost } from '@forewarn/contracts/columns'
import { z } from 'zod'

const SenmlTime = z.number().describe('Seconds since 1970, UTC; below 2^28 relative to the arrival (RFC 8428)')
const Quality = z
  .int()
  .min(0)
  .max(4)
  .describe('0 good, 1 suspect, 2 missing, 3 maintenance, 4 fault; left out when good')

/** RFC 8428, with our three extension fields. */
export const SenmlPack = z
  .array(
    z.looseObject({
      bn: z.string().optional().describe('Base name: stands before each n from here on'),
      bt: SenmlTime.optional(),
      bu: z.string().optional().describe('Base unit, where a record has none'),
      bv: z.number().optional().describe('Base value, added to each v'),
      bver: z.int().min(1).max(10).optional(),
      n: z.string().optional().describe('Name; with bn before it the id of the sensor'),
      u: z.string().optional().describe('Unit, a UCUM code; of the quantity of the sensor'),
      v: z.number().nullish().describe('Value; null or left out when fwq says that it is missing'),
      vb: z.boolean().optional().describe('1 for true, 0 for false'),
      t: SenmlTime.optional().describe('Added to bt. Without any time the arrival counts'),
      fwseq: z.int().min(0).optional().describe('On the first record: number of the batch, up by one each'),
      fwbacklog: z.boolean().optional().describe('On the first record: it waited while the uplink was down'),
      fwq: Quality.optional(),
    }),
  )
  .min(1)

/** As contracts/columns.ts reads it. All columns have the same length. */
export const Columns = z.object({
  birth: z.int().min(0).describe('Number of the birth message whose list of sensors i counts in'),
  seq: z.int().min(0).optional().describe('Number of the batch, up by one each, together with those of readings'),
  backlog: z.boolean().optional().describe('It waited while the uplink was down'),
  t: z.number().optional().describe('Base time, UTC ms; left out by a gateway without a clock'),
  i: z.array(z.int().min(0)).max(columnsAtMost).describe('Place of each sensor in the list, from 0'),
  d: z.array(z.number()).optional().describe('Milliseconds after t, each; left out when all are of t'),
  v: z.array(z.number().nullable()).describe('Values, in the unit of the quantity; null when there is none'),
  q: z.array(Quality).optional(),
})

export const ClaimAnswer = z.discriminatedUnion('state', [
  z.object({ state: z.literal('pending'), fingerprint: z.string() }),
  z.object({ state: z.literal('approved'), username: z.string(), password: z.string() }),
  z.object({ state: z.literal('refused'), reason: z.string() }),
])

export const ChirpstackUplink = z.looseObject({
  deduplicationId: z.string(),
  time: z.string().describe('RFC 3339'),
  deviceInfo: z.looseObject({ devEui: z.string().regex(/^[0-9a-fA-F]{16}$/) }),
  fPort: z.int().optional(),
  fCnt: z.int().optional(),
  data: z.string().optional().describe('base64'),
  object: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('What the codec of the device profile made of the data'),
})

export const Zigbee2mqttState = z
  .record(z.string(), z.unknown())
  .describe('What changed: values by name, nested or not')
export const Zigbee2mqttAvailability = z.object({ state: z.enum(['online', 'offline']) })
export const TasmotaTelemetry = z.looseObject({ Time: z.string().optional().describe('Local time of the device') })
export const TasmotaLife = z.enum(['Online', 'Offline'])
export const LineProtocol = z.string().min(1).describe('InfluxDB line protocol, any number of lines, times in ns')
export const SparkplugPayload = z.string().describe('Sparkplug B payload, protobuf')
export const Packed = z.string().describe('The same payload, compressed with zstd')
