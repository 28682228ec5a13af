/**
 * Every message of the MQTT contract: its shape, how it is written, and examples that tests check.
 */
import { ClaimMessage } from '@forewarn/broker/claims'
import { Birth, Command, GatewayConfiguration, LocalAlarm, Status } from '@forewarn/contracts/gateway-messages'
import { OrderMessage, ProgressMessage } from '@forewarn/contracts/order'
import type { z } from 'zod'
import {
  ChirpstackUplink,
  ClaimAnswer,
  Columns,
  LineProtocol,
  Packed,
  SenmlPack,
  SparkplugPayload,
  TasmotaLife,
  TasmotaTelemetry,
  Zigbee2mqttAvailability,
  Zigbee2mqttState,
} from './payload-schemas.ts'

export interface ContractMessage {
  readonly title: string
  readonly summary: string
  readonly contentType: string
  readonly schema: z.ZodType
  readonly examples: readonly { readonly name: string; readonly payload: unknown }[]
}

const json = 'application/json'
const senml = 'application/senml+json'
const measuredAtMs = Date.UTC(2026, 6, 20, 15)
const position = { lon: 121.4489, lat: 31.2831, crs: 'WGS-84' }

/** By the name under which the document lists them. */
export const messages = {
  readings: {
    title: 'Readings',
    summary: 'A SenML pack (RFC 8428). At most a few hundred records; all of it is on disk before its PUBACK.',
    contentType: senml,
    schema: SenmlPack,
    examples: [
      { name: 'one', payload: [{ n: 'tidal-04.level', u: 'm', v: 0.28 }] },
      {
        name: 'batch',
        payload: [
          { bt: measuredAtMs / 1000, fwseq: 41, n: 'tidal-04.level', u: 'm', v: 0.28 },
          { n: 'tidal-04.rain', u: 'mm', t: -60, v: 1.5 },
          { n: 'tidal-04.pump', fwq: 2 },
        ],
      },
    ],
  },
  columns: {
    title: 'Columns',
    summary: 'Readings by their place in the list that the birth message declared: some 14 bytes a reading.',
    contentType: json,
    schema: Columns,
    examples: [
      {
        name: 'batch',
        payload: { birth: 3, seq: 42, t: measuredAtMs, i: [0, 1, 2], d: [0, 0, -500], v: [0.28, 1.5, 1] },
      },
    ],
  },
  packed: {
    title: 'Packed readings',
    summary: 'The payload of the same topic without /zstd, compressed with zstd. For metered uplinks.',
    contentType: 'application/zstd',
    schema: Packed,
    examples: [],
  },
  birth: {
    title: 'Birth',
    summary: 'Who speaks, and the list that columns count in. Retained; said again when the list changes.',
    contentType: json,
    schema: Birth,
    examples: [
      { name: 'birth', payload: { birth: 3, sensors: ['tidal-04.level', 'tidal-04.rain'], software: 'box 2.1' } },
    ],
  },
  status: {
    title: 'Status',
    summary: 'Alive or not, and the counters of the outbox. Retained; the will is {"state":"offline"}.',
    contentType: json,
    schema: Status,
    examples: [
      { name: 'online', payload: { state: 'online', atMs: measuredAtMs, nextSequence: 43, sentReadings: 9120 } },
      { name: 'will', payload: { state: 'offline' } },
    ],
  },
  alarm: {
    title: 'Local alarm',
    summary: 'What the gateway switched by itself while nobody could be asked.',
    contentType: json,
    schema: LocalAlarm,
    examples: [
      {
        name: 'raised',
        payload: {
          id: 'a-17',
          rule: 'water-over-kerb',
          place: 'tidal-04',
          hazard: 'waterlogging',
          sensor: 'tidal-04.level',
          value: 0.28,
          raisedAtMs: measuredAtMs,
          outputs: ['siren'],
        },
      },
    ],
  },
  progress: {
    title: 'Progress of a unit',
    summary: 'Where a pump truck is and what it does; from vehicle gateways.',
    contentType: json,
    schema: ProgressMessage,
    examples: [
      { name: 'staged', payload: { unitId: 'truck-7', orderId: 'o-1', state: 'staged', position, atMs: measuredAtMs } },
    ],
  },
  claim: {
    title: 'Claim',
    summary: 'A new gateway asks to be taken in, with a secret of its own making.',
    contentType: json,
    schema: ClaimMessage,
    examples: [{ name: 'claim', payload: { secret: 'made-once-from-128-random-bits', software: 'box 2.1' } }],
  },
  claimAnswer: {
    title: 'Answer to a claim',
    summary: 'Waiting for a person, approved with a credential, or refused.',
    contentType: json,
    schema: ClaimAnswer,
    examples: [{ name: 'pending', payload: { state: 'pending', fingerprint: '3f2a-90c1-77de' } }],
  },
  command: {
    title: 'Command',
    summary: 'Be born again, measure more often, or the time of the house.',
    contentType: json,
    schema: Command,
    examples: [
      { name: 'rebirth', payload: { kind: 'rebirth', id: 'c-1' } },
      {
        name: 'sample',
        payload: {
          kind: 'sample',
          id: 'c-2',
          sensors: ['tidal-04.level'],
          periodS: 5,
          untilMs: measuredAtMs + 3_600_000,
        },
      },
      { name: 'time', payload: { kind: 'time', id: 'c-3', houseMs: measuredAtMs } },
    ],
  },
  config: {
    title: 'Configuration',
    summary: 'The configuration of an edge agent as a whole. Retained; tried, and left again when it does not work.',
    contentType: json,
    schema: GatewayConfiguration,
    examples: [{ name: 'sampling', payload: { version: 4, settings: { samplingS: { 'tidal-04.level': 60 } } } }],
  },
  orders: {
    title: 'Order to a unit',
    summary: 'Go to a staging point, or stand down; to vehicle gateways.',
    contentType: json,
    schema: OrderMessage,
    examples: [
      {
        name: 'go',
        payload: {
          orderId: 'o-1',
          action: 'go',
          mode: 'exercise',
          unitId: 'truck-7',
          placeId: 'tidal-04',
          destination: position,
          route: [[121.4489, 31.2831]],
          issuedAtMs: measuredAtMs,
        },
      },
    ],
  },
  sparkplug: {
    title: 'Sparkplug B',
    summary: 'Births, deaths and data of an edge node or device. Data by alias is understood after its birth.',
    contentType: 'application/vnd.sparkplug-b',
    schema: SparkplugPayload,
    examples: [],
  },
  chirpstackUplink: {
    title: 'ChirpStack uplink',
    summary: 'ChirpStack v4, JSON. What the codec of the device profile made of it, else data of a known maker.',
    contentType: json,
    schema: ChirpstackUplink,
    examples: [
      {
        name: 'uplink',
        payload: {
          deduplicationId: '3ac7e3c4-4401-4b8d-9386-a5c902f9202d',
          time: '2026-07-20T15:00:00.775023242+00:00',
          deviceInfo: { devEui: '24e124136b502217', deviceName: 'tidal-04' },
          fPort: 85,
          data: 'AXVkA4IeAA==',
        },
      },
    ],
  },
  zigbee2mqttState: {
    title: 'Zigbee2MQTT state',
    summary: 'What changed of a device.',
    contentType: json,
    schema: Zigbee2mqttState,
    examples: [{ name: 'leak', payload: { water_leak: true, battery: 97 } }],
  },
  zigbee2mqttAvailability: {
    title: 'Zigbee2MQTT availability',
    summary: 'Whether a device can be reached.',
    contentType: json,
    schema: Zigbee2mqttAvailability,
    examples: [{ name: 'online', payload: { state: 'online' } }],
  },
  tasmotaTelemetry: {
    title: 'Tasmota telemetry',
    summary: 'What the sensors of a device say, nested by sensor; its time has no zone and is the district’s.',
    contentType: json,
    schema: TasmotaTelemetry,
    examples: [
      { name: 'sensor', payload: { Time: '2026-07-20T23:00:00', DS18B20: { Temperature: 27.3 }, TempUnit: 'C' } },
    ],
  },
  tasmotaLife: {
    title: 'Tasmota last will',
    summary: 'Online or Offline, as bare text.',
    contentType: 'text/plain',
    schema: TasmotaLife,
    examples: [{ name: 'online', payload: 'Online' }],
  },
  lineProtocol: {
    title: 'Line protocol',
    summary: 'Telegraf’s MQTT output, or anything else that writes line protocol.',
    contentType: 'text/plain',
    schema: LineProtocol,
    examples: [{ name: 'level', payload: 'water,sensor=tidal-04.level value=0.28 1784559600000000000' }],
  },
} as const satisfies Record<string, ContractMessage>

export type MessageName = keyof typeof messages
