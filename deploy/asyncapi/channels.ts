/**
 * Every topic of the MQTT contract: who says what on it, with which quality of service, retained or not.
 */
import { downChannels, packings, upChannels } from '@forewarn/contracts/topics'
import type { MessageName } from './messages.ts'

export interface ContractChannel {
  /** With `{parameters}`. */
  readonly address: string
  readonly title: string
  /** What the house does: it hears gateways, and it speaks to them. */
  readonly house: 'receive' | 'send'
  readonly messages: readonly MessageName[]
  readonly qos: 0 | 1
  readonly retain: boolean
}

/** What the parameters of the addresses are. */
export const parameters: Readonly<Record<string, string>> = {
  district: 'Id of the district, as in its registry',
  gateway: 'Id of the gateway: the user name or the certificate it connected with',
  group: 'Sparkplug group id',
  message: 'NBIRTH, NDEATH, NDATA, DBIRTH, DDEATH or DDATA',
  edge: 'Sparkplug edge node id',
  device: 'Name of the device; of a Zigbee device it may hold slashes',
  application: 'ChirpStack application id',
  devEui: 'EUI-64 of the device, 16 hex digits',
  event: 'ChirpStack event; only `up` holds measurements',
  series: 'Any name; what measures is named in the lines',
}

type Said = Pick<ContractChannel, 'title' | 'messages' | 'retain'>

const up: Record<(typeof upChannels)[number], Said> = {
  readings: { title: 'Readings in SenML', messages: ['readings'], retain: false },
  columns: { title: 'Readings in columns', messages: ['columns'], retain: false },
  birth: { title: 'Birth of a gateway', messages: ['birth'], retain: true },
  status: { title: 'Status of a gateway', messages: ['status'], retain: true },
  alarm: { title: 'Local alarms', messages: ['alarm'], retain: false },
  progress: { title: 'Progress of units', messages: ['progress'], retain: false },
  claim: { title: 'A new gateway asks to be taken in', messages: ['claim'], retain: false },
}

const down: Record<(typeof downChannels)[number], Said> = {
  command: { title: 'Commands', messages: ['command'], retain: false },
  config: { title: 'Configuration', messages: ['config'], retain: true },
  orders: { title: 'Orders to units', messages: ['orders'], retain: false },
}

function ours(name: string): string {
  return `fw/1/{district}/{gateway}/${name}`
}

const ownChannels: Readonly<Record<string, ContractChannel>> = Object.fromEntries([
  ...upChannels.map((name): [string, ContractChannel] => [
    name,
    { address: ours(name), house: 'receive', qos: 1, ...up[name] },
  ]),
  ...packings.flatMap(packing =>
    (['readings', 'columns'] as const).map((name): [string, ContractChannel] => [
      `${name}-${packing}`,
      {
        address: ours(`${name}/${packing}`),
        title: `${up[name].title}, packed`,
        messages: ['packed'],
        house: 'receive',
        qos: 1,
        retain: false,
      },
    ]),
  ),
  ...downChannels.map((name): [string, ContractChannel] => [
    name,
    { address: ours(name), house: 'send', qos: 1, ...down[name] },
  ]),
  // The answer comes on the topic of the question, to that connection only.
  [
    'claim-answer',
    {
      address: ours('claim'),
      title: 'Answer to a claim',
      messages: ['claimAnswer'],
      house: 'send',
      qos: 1,
      retain: false,
    } satisfies ContractChannel,
  ],
])

function foreign(address: string, title: string, messages: readonly MessageName[], retain = false): ContractChannel {
  return { address, title, messages, house: 'receive', qos: 1, retain }
}

const foreignChannels: Readonly<Record<string, ContractChannel>> = {
  'sparkplug-node': foreign('spBv1.0/{group}/{message}/{edge}', 'Sparkplug B edge node', ['sparkplug']),
  'sparkplug-device': foreign('spBv1.0/{group}/{message}/{edge}/{device}', 'Sparkplug B device', ['sparkplug']),
  chirpstack: foreign('application/{application}/device/{devEui}/event/{event}', 'ChirpStack events', [
    'chirpstackUplink',
  ]),
  zigbee2mqtt: foreign('zigbee2mqtt/{device}', 'Zigbee2MQTT device', ['zigbee2mqttState']),
  'zigbee2mqtt-availability': foreign(
    'zigbee2mqtt/{device}/availability',
    'Zigbee2MQTT availability',
    ['zigbee2mqttAvailability'],
    true,
  ),
  'tasmota-sensor': foreign('tele/{device}/SENSOR', 'Tasmota sensors', ['tasmotaTelemetry']),
  'tasmota-state': foreign('tele/{device}/STATE', 'Tasmota state', ['tasmotaTelemetry']),
  'tasmota-life': foreign('tele/{device}/LWT', 'Tasmota last will', ['tasmotaLife'], true),
  telegraf: foreign('telegraf/{series}', 'Telegraf', ['lineProtocol']),
}

/** By the name under which the document lists them. */
export const channels: Readonly<Record<string, ContractChannel>> = { ...ownChannels, ...foreignChannels }
