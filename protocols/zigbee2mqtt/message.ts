/**
 * Messages of Zigbee2MQTT: `zigbee2mqtt/{name}` with what changed of a device, `…/availability`, and the bridge's
 * own. A name may hold slashes and any letters; the payload names neither the device nor a time.
 */
import { flatten, type Scalar } from '../flatten.ts'

export type Zigbee2mqttMessage =
  /** What a device says of itself: often only what changed, by path. */
  | { readonly kind: 'state'; readonly device: string; readonly values: Readonly<Record<string, Scalar>> }
  /** `online` is undefined when the retained message was cleared: nobody knows. */
  | { readonly kind: 'availability'; readonly device: string; readonly online: boolean | undefined }
  | { readonly kind: 'bridge'; readonly about: string; readonly online: boolean | undefined }
  /** Commands to devices, heard because Zigbee2MQTT subscribes to all of its topics. */
  | { readonly kind: 'command'; readonly device: string }

export interface Zigbee2mqttInput {
  readonly topic: string
  /** The JSON of the payload; a payload that is no JSON as its text; undefined or '' when it is empty. */
  readonly payload: unknown
  /** First level of the topics, as Zigbee2MQTT is set up. */
  readonly base?: string
}

/** Reads a message. Returns a sentence when it is none of Zigbee2MQTT's. */
export function parseZigbee2mqtt({
  topic,
  payload,
  base = 'zigbee2mqtt',
}: Zigbee2mqttInput): Zigbee2mqttMessage | string {
  if (!topic.startsWith(`${base}/`)) return `${topic} is no topic of ${base}`
  const rest = topic.slice(base.length + 1)
  if (rest === '') return 'the topic names no device'
  if (rest.startsWith('bridge/')) return { kind: 'bridge', about: rest.slice(7), online: bridgeOnline(rest, payload) }
  const last = rest.slice(rest.lastIndexOf('/') + 1)
  if (last === 'availability' && rest.includes('/'))
    return availability(rest.slice(0, -'/availability'.length), payload)
  if (/\/(?:set|get)(?:\/|$)/.test(rest))
    return { kind: 'command', device: rest.replace(/\/(?:set|get)(?:\/.*)?$/, '') }
  if (isEmpty(payload)) return { kind: 'state', device: rest, values: {} }
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload))
    return 'the state of a device is a JSON object'
  return { kind: 'state', device: rest, values: flatten(payload) }
}

function isEmpty(payload: unknown): boolean {
  return payload === undefined || payload === ''
}

function availability(device: string, payload: unknown): Zigbee2mqttMessage | string {
  if (isEmpty(payload)) return { kind: 'availability', device, online: undefined }
  const online = onlineOf(payload)
  return online === undefined
    ? 'availability is {"state":"online"} or {"state":"offline"}'
    : { kind: 'availability', device, online }
}

function bridgeOnline(rest: string, payload: unknown): boolean | undefined {
  return rest === 'bridge/state' ? onlineOf(payload) : undefined
}

/** Older versions say it as a bare text. */
function onlineOf(payload: unknown): boolean | undefined {
  const isObject = typeof payload === 'object' && payload !== null
  const state = isObject && 'state' in payload ? payload.state : payload
  return state === 'online' ? true : state === 'offline' ? false : undefined
}
