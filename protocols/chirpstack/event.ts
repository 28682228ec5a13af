/**
 * Events of ChirpStack v4 in JSON: `application/{id}/device/{devEui}/event/{event}`. JSON leaves out what is zero,
 * false or empty (proto3), so what is not there is that.
 */
import { z } from 'zod'

export const chirpstackEvents = ['up', 'join', 'ack', 'txack', 'log', 'status', 'location', 'integration'] as const
export type ChirpstackEvent = (typeof chirpstackEvents)[number]

export interface ChirpstackAddress {
  readonly application: string
  readonly devEui: string
  readonly event: ChirpstackEvent
}

/** The parts of an event topic, whatever stands before `application`; undefined for any other topic. */
export function parseChirpstackTopic(topic: string): ChirpstackAddress | undefined {
  const levels = topic.split('/')
  const [first, application, second, devEui, third, last] = levels.slice(-6)
  const event = chirpstackEvents.find(name => name === last)
  if (first !== 'application' || second !== 'device' || third !== 'event' || event === undefined) return undefined
  if (!application || !devEui || !/^[0-9a-fA-F]{16}$/.test(devEui)) return undefined
  return { application, devEui: devEui.toLowerCase(), event }
}

/** Numbers of 64 bits are texts in proto3's JSON; a reader takes both. */
const Count = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)])

/** Null stands for the default in proto3's JSON, as leaving it out does. */
function or<T>(schema: z.ZodType<T>, fallback: T) {
  return schema.nullish().transform(value => value ?? fallback)
}

const DeviceInfo = z.object({
  applicationName: or(z.string(), ''),
  deviceProfileName: or(z.string(), ''),
  deviceName: or(z.string(), ''),
  devEui: z.string().regex(/^[0-9a-fA-F]{16}$/),
  tags: or(z.record(z.string(), z.string()), {}),
})

const Received = z.object({
  gatewayId: or(z.string(), ''),
  rssi: or(z.number(), 0),
  snr: or(z.number(), 0),
  /** When this gateway heard it, by a clock better than the server's. */
  gwTime: z.string().nullish(),
})

const Uplink = z.object({
  deduplicationId: z.string().min(1),
  time: z.string(),
  deviceInfo: DeviceInfo,
  adr: or(z.boolean(), false),
  dr: or(z.number(), 0),
  fCnt: or(Count, 0),
  fPort: or(z.number(), 0),
  confirmed: or(z.boolean(), false),
  data: or(z.string(), ''),
  /** What the codec of the device profile made of the data. */
  object: z.record(z.string(), z.unknown()).nullish(),
  rxInfo: or(z.array(Received), []),
})

export interface Uplink {
  /** The same for one transmission however many gateways heard it, and however often it comes. */
  readonly deduplicationId: string
  /** When the server had it, to the nanosecond, RFC 3339 with Z. */
  readonly timeUtc: string
  readonly atMs: number
  readonly devEui: string
  readonly deviceName: string
  readonly profileName: string
  readonly tags: Readonly<Record<string, string>>
  readonly fCnt: number
  readonly fPort: number
  readonly adr: boolean
  readonly data: Uint8Array
  readonly object: Readonly<Record<string, unknown>> | undefined
  /** Of the gateway that heard it best; undefined when none is named. */
  readonly bestRssiDbm: number | undefined
  readonly bestSnrDb: number | undefined
}

/** Reads an uplink event. Returns a sentence about what is wrong when it is none. */
export function parseUplink(json: unknown): Uplink | string {
  const parsed = Uplink.safeParse(json)
  if (!parsed.success) return troubleOf(parsed.error)
  const { deduplicationId, time, deviceInfo, data: base64, object, rxInfo, fCnt, fPort, adr } = parsed.data
  const timeUtc = utcText(time)
  if (timeUtc === undefined) return `time ${time} is no RFC 3339 time`
  const data = bytesOf(base64)
  if (data === undefined) return 'data is no base64'
  const best = rxInfo.toSorted((a, b) => b.rssi - a.rssi)[0]
  return {
    deduplicationId,
    timeUtc,
    atMs: Date.parse(timeUtc),
    devEui: deviceInfo.devEui.toLowerCase(),
    deviceName: deviceInfo.deviceName,
    profileName: deviceInfo.deviceProfileName,
    tags: deviceInfo.tags,
    fCnt,
    fPort,
    adr,
    data,
    object: object ?? undefined,
    bestRssiDbm: best?.rssi,
    bestSnrDb: rxInfo.length === 0 ? undefined : Math.max(...rxInfo.map(({ snr }) => snr)),
  }
}

const AnyEvent = z.object({
  deduplicationId: z.string().optional(),
  time: z.string().optional(),
  deviceInfo: DeviceInfo,
})

/** What every event says: of which device, when. Returns a sentence about what is wrong when it is none. */
export function parseAnyEvent(json: unknown): (Pick<Uplink, 'devEui' | 'deviceName'> & { timeUtc?: string }) | string {
  const parsed = AnyEvent.safeParse(json)
  if (!parsed.success) return troubleOf(parsed.error)
  const { devEui, deviceName } = parsed.data.deviceInfo
  const timeUtc = parsed.data.time === undefined ? undefined : utcText(parsed.data.time)
  return { devEui: devEui.toLowerCase(), deviceName, ...(timeUtc === undefined ? {} : { timeUtc }) }
}

function troubleOf(error: z.ZodError): string {
  const [first] = error.issues
  return `${first?.path.join('.') || 'the event'}: ${first?.message ?? 'not as expected'}`
}

function bytesOf(base64: string): Uint8Array | undefined {
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : undefined
}

const rfc3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i

/** The time in UTC with its digits as they were: a Date holds only milliseconds. */
export function utcText(time: string): string | undefined {
  const [, seconds, fraction = '', zone] = rfc3339.exec(time) ?? []
  const atMs = seconds === undefined || zone === undefined ? Number.NaN : Date.parse(seconds + zone.toUpperCase())
  return Number.isNaN(atMs) ? undefined : `${new Date(atMs).toISOString().slice(0, 19)}${fraction}Z`
}
