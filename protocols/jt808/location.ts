/**
 * Where a vehicle says it is: the body of 0200 and of every item of 0704 (JT/T 808 §8.18), with its additional items.
 * Fields are named as in the published readings of this format.
 */
import { beijingIsoToUtcMs } from '../beijing-time.ts'

export interface LocationExtra {
  /** Two hex digits. */
  readonly id: string
  /** As the item says; more than `hex` holds when it is `truncated`. */
  readonly len: number
  readonly hex: string
  readonly truncated?: true
  readonly mileage_km?: number
  readonly fuel_L?: number
  readonly recorderSpeed_kmh?: number
  readonly signal?: number
  readonly satellites?: number
}

export interface VehicleLocation {
  readonly alarm: number
  readonly alarmBits: readonly number[]
  readonly status: number
  readonly statusBits: readonly number[]
  readonly acc: boolean
  /** False: the position is the last known one, or none at all. */
  readonly positioned: boolean
  /** Degrees, south and west negative, in the coordinate system of the device (WGS-84 or GCJ-02: nothing says which). */
  readonly latitude: number
  readonly longitude: number
  readonly altitude_m: number
  readonly speed_kmh: number
  readonly direction_deg: number
  /** Beijing time without a zone, as sent: `2021-09-17T19:15:58`; digits that are no date are kept. */
  readonly 'timeGMT+8': string
  readonly extras: readonly LocationExtra[]
}

const fixedBytes = 28

/** Reads a location; undefined when it is shorter than its fixed part. */
export function readLocation(bytes: Uint8Array): VehicleLocation | undefined {
  if (bytes.length < fixedBytes) return undefined
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const alarm = body.readUInt32BE(0)
  const status = body.readUInt32BE(4)
  const has = (bit: number) => ((status >>> bit) & 1) === 1
  return {
    alarm,
    alarmBits: bitsOf(alarm),
    status,
    statusBits: bitsOf(status),
    acc: has(0),
    positioned: has(1),
    latitude: signed(body.readUInt32BE(8) / 1e6, { negative: has(2) }),
    longitude: signed(body.readUInt32BE(12) / 1e6, { negative: has(3) }),
    altitude_m: body.readUInt16BE(16),
    speed_kmh: body.readUInt16BE(18) / 10,
    direction_deg: body.readUInt16BE(20),
    'timeGMT+8': bcdTime(body.subarray(22, 28)),
    extras: readExtras(body.subarray(fixedBytes)),
  }
}

/** Whether the position lies on the globe at all; published frames exist with latitude and longitude swapped. */
export function isOnTheGlobe({ latitude, longitude }: Pick<VehicleLocation, 'latitude' | 'longitude'>): boolean {
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180
}

/** Whether the position may be put on a map: on the globe, and the receiver says that it has a fix. */
export function isFix(location: VehicleLocation): boolean {
  return location.positioned && isOnTheGlobe(location) && (location.latitude !== 0 || location.longitude !== 0)
}

/** UTC ms of a location's time; undefined when the digits are no date. */
export function locationTimeMs(location: Pick<VehicleLocation, 'timeGMT+8'>): number | undefined {
  return beijingIsoToUtcMs(location['timeGMT+8'])
}

/** `210917191558` in BCD as `2021-09-17T19:15:58`. */
function bcdTime(bytes: Buffer): string {
  const [year, month, day, hour, minute, second] = [...bytes].map(byte => byte.toString(16).padStart(2, '0'))
  return `20${year}-${month}-${day}T${hour}:${minute}:${second}`
}

function readExtras(bytes: Buffer): LocationExtra[] {
  const extras: LocationExtra[] = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const len = bytes.readUInt8(at + 1)
    const value = bytes.subarray(at + 2, at + 2 + len)
    extras.push({
      id: bytes.toString('hex', at, at + 1).toUpperCase(),
      len,
      hex: value.toString('hex').toUpperCase(),
      ...(value.length < len ? { truncated: true as const } : named(bytes.readUInt8(at), value)),
    })
    at += 2 + len
  }
  return extras
}

/** What the standard's own items say. An item of another length than the standard's is somebody else's. */
function named(id: number, value: Buffer): Partial<LocationExtra> {
  if (id === 0x01 && value.length === 4) return { mileage_km: value.readUInt32BE() / 10 }
  if (id === 0x02 && value.length === 2) return { fuel_L: value.readUInt16BE() / 10 }
  if (id === 0x03 && value.length === 2) return { recorderSpeed_kmh: value.readUInt16BE() / 10 }
  if (id === 0x30 && value.length === 1) return { signal: value.readUInt8() }
  if (id === 0x31 && value.length === 1) return { satellites: value.readUInt8() }
  return {}
}

function bitsOf(word: number): number[] {
  return Array.from({ length: 32 }, (_, bit) => bit).filter(bit => ((word >>> bit) & 1) === 1)
}

function signed(value: number, { negative }: { negative: boolean }): number {
  return negative && value !== 0 ? -value : value
}
