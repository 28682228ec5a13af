/**
 * Payloads of Milesight sensors (LoRaWAN fPort 85): channel, type, data, one after the other, little-endian. What a
 * channel holds is the same across the family, with few exceptions that are written out here.
 */

export type FieldValue = number | boolean | string
export type MilesightFields = Record<string, FieldValue>

export interface MilesightPayload {
  readonly fields: Readonly<MilesightFields>
  /** Records from the device's memory, each with its own `timestamp`, s since 1970 UTC: not now. */
  readonly history: readonly Readonly<MilesightFields>[]
  /** A sentence when the payload could not be read to its end: a channel that is not known has no known length. */
  readonly unread?: string
}

interface Item {
  /** Length of the data, bytes. */
  readonly bytes: number
  readonly read: (view: DataView, at: number) => MilesightFields
}

const u8 = (view: DataView, at: number) => view.getUint8(at)
const i16 = (view: DataView, at: number) => view.getInt16(at, true)
const u16 = (view: DataView, at: number) => view.getUint16(at, true)
const u32 = (view: DataView, at: number) => view.getUint32(at, true)

type ReadNumber = (view: DataView, at: number) => number

/** One number, divided by `by`. Division by a power of ten gives the decimal that was meant; a product would not. */
function number(name: string, bytes: number, read: ReadNumber, by = 1): Item {
  return { bytes, read: (view, at) => ({ [name]: read(view, at) / by }) }
}

/** The same with the state of the device's own threshold after it. */
function withAlarm(item: Item, alarm: string): Item {
  return { bytes: item.bytes + 1, read: (view, at) => ({ ...item.read(view, at), [alarm]: u8(view, at + item.bytes) }) }
}

const temperature = number('temperature', 2, i16, 10)
const pressure = number('pressure', 2, u16, 10)
const windSpeed = number('windSpeed', 2, u16, 10)
const distance = number('distance_mm', 2, u16)
const depth = number('depth_cm', 2, u16)

/** The total wraps at 655.35 mm in two bytes; the counter goes up by one when a new total begins. */
const rainShort: Item = {
  bytes: 3,
  read: (view, at) => ({ rainfallTotal_mm: u16(view, at) / 100, rainfallCounter: u8(view, at + 2) }),
}
const rainLong: Item = {
  bytes: 5,
  read: (view, at) => ({ rainfallTotal_mm: u32(view, at) / 100, rainfallCounter: u8(view, at + 4) }),
}

/** Three angles in 0.01°; the lowest bit of each says whether its threshold was crossed. */
const tilt: Item = {
  bytes: 6,
  read: (view, at) => ({ ...angle(view, at, 'x'), ...angle(view, at + 2, 'y'), ...angle(view, at + 4, 'z') }),
}

function angle(view: DataView, at: number, axis: string): MilesightFields {
  const raw = i16(view, at)
  // Without its lowest bit, which is no part of the angle.
  return { [`angle_${axis}`]: (raw >> 1) / 100, [`trigger_${axis}`]: (raw & 1) === 1 }
}

/** How many people in all, how many regions, and which of them are occupied: the first region in the lowest bit. */
const peopleByRegion: Item = {
  bytes: 4,
  read: (view, at) => {
    const regions = u8(view, at + 1)
    const mask = view.getUint16(at + 2)
    const occupied = Array.from({ length: Math.min(regions, 16) }, (_, i): [string, number] => [
      `region_${i + 1}`,
      (mask >> i) & 1,
    ])
    return { peopleCountAll: u8(view, at), regionCount: regions, ...Object.fromEntries(occupied) }
  },
}

const passed: Item = { bytes: 4, read: (view, at) => ({ in: u16(view, at), out: u16(view, at + 2) }) }

function regionCounts(from: number): Item {
  return {
    bytes: 8,
    read: (view, at) =>
      Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`region_${from + i}_count`, u8(view, at + i)])),
  }
}

function versionOf(view: DataView, at: number): string {
  return `${u8(view, at).toString(16)}.${u8(view, at + 1).toString(16)}`
}

function hexField(name: string, bytes: number): Item {
  const read = (view: DataView, at: number) => ({
    [name]: Buffer.from(view.buffer, view.byteOffset + at, bytes).toString('hex'),
  })
  return { bytes, read }
}

/** By channel and type, as four hex digits. */
const items: Readonly<Record<string, Item>> = {
  '0175': number('battery', 1, u8),
  '0300': number('contact', 1, u8),
  '0367': temperature,
  '0377': depth,
  '0382': distance,
  '03D4': tilt,
  '0400': number('position', 1, u8),
  '0467': number('targetTemperature', 2, i16, 10),
  '0468': number('humidity', 1, u8, 2),
  '0482': distance,
  '04C9': peopleByRegion,
  '0500': number('leak', 1, u8),
  '0584': number('windDirection', 2, i16, 10),
  '05CC': passed,
  '0673': pressure,
  '06CD': number('peopleCountMax', 1, u8),
  '0792': windSpeed,
  '07D5': regionCounts(1),
  '0877': rainShort,
  '08D5': regionCounts(9),
  '08EC': rainLong,
  '8367': withAlarm(temperature, 'temperatureAlarm'),
  '8377': withAlarm(depth, 'depthAlarm'),
  '8382': withAlarm(distance, 'distanceAlarm'),
  '83D4': withAlarm(tilt, 'tiltAlarm'),
  '8482': withAlarm(distance, 'distanceAlarm'),
  '8673': withAlarm(pressure, 'pressureAlarm'),
  '8792': withAlarm(windSpeed, 'windSpeedAlarm'),
  '88EC': withAlarm(rainLong, 'rainfallAlarm'),
  FF01: number('protocolVersion', 1, u8),
  FF08: hexField('serialNumber', 6),
  FF09: { bytes: 2, read: (view, at) => ({ hardwareVersion: versionOf(view, at) }) },
  FF0A: { bytes: 2, read: (view, at) => ({ firmwareVersion: versionOf(view, at) }) },
  FF0B: number('powerOn', 1, u8),
  FF0F: number('deviceClass', 1, u8),
  FF16: hexField('serialNumber', 8),
  FF1F: hexField('firmwareVersion', 4),
  FFFE: number('reset', 1, u8),
  FFFF: { bytes: 2, read: (view, at) => ({ tslVersion: versionOf(view, at) }) },
}

/** What the weather station keeps, with its rain total in two or in four bytes. */
function weatherRecord(rain: ReadNumber, rainBytes: number): Item {
  return {
    bytes: 13 + rainBytes,
    read: (view, at) => ({
      timestamp: u32(view, at),
      temperature: i16(view, at + 4) / 10,
      humidity: u8(view, at + 6) / 2,
      pressure: u16(view, at + 7) / 10,
      windDirection: i16(view, at + 9) / 10,
      windSpeed: u16(view, at + 11) / 10,
      rainfallTotal_mm: rain(view, at + 13) / 100,
    }),
  }
}

function shortRecord(item: Item): Item {
  return { bytes: 4 + item.bytes, read: (view, at) => ({ timestamp: u32(view, at), ...item.read(view, at + 4) }) }
}

/**
 * What `20 CE` holds differs by device and is not said in the payload. The order is that of the tries: the longest
 * first, and the one counts with which the payload ends where it should.
 */
const historyItems: Readonly<Record<string, readonly Item[]>> = {
  '20CE': [weatherRecord(u16, 2), shortRecord(tilt), shortRecord(depth)],
  '21CE': [weatherRecord(u32, 4)],
}

/** History of a device whose kind is known, by the first letters of its name. */
const historyOfKind: readonly (readonly [kind: RegExp, item: Item])[] = [
  [/^WTS/i, weatherRecord(u16, 2)],
  [/TILT/i, shortRecord(tilt)],
  [/SWL/i, shortRecord(depth)],
  [/UDL/i, shortRecord(distance)],
]

/**
 * Reads a payload; `kind` is the device's model when it is known. What stands before a channel that is not known
 * still counts. Returns a sentence when nothing does.
 */
export function parseMilesight(bytes: Uint8Array, kind?: string): MilesightPayload | string {
  if (bytes.length === 0) return 'the payload is empty'
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const known = kind === undefined ? undefined : historyOfKind.find(([pattern]) => pattern.test(kind))?.[1]
  const tries = known === undefined ? historyItems['20CE'] : [known]
  const reads = (tries ?? []).map(item => readItems(view, item))
  const clean = reads.find(read => typeof read !== 'string' && read.unread === undefined)
  return clean ?? reads.find(read => typeof read !== 'string') ?? reads[0] ?? 'the payload holds nothing'
}

function readItems(view: DataView, history20: Item): MilesightPayload | string {
  const fields: MilesightFields = {}
  const history: MilesightFields[] = []
  let at = 0
  while (at < view.byteLength) {
    if (at + 2 > view.byteLength) return `half an item at byte ${at}`
    const key = view.getUint16(at).toString(16).toUpperCase().padStart(4, '0')
    const past = key === '20CE' ? history20 : historyItems[key]?.[0]
    const item = past ?? items[key]
    if (item === undefined) {
      const unread = `channel ${key.slice(0, 2)} type ${key.slice(2)} at byte ${at} is not known`
      return at === 0 ? unread : { fields, history, unread }
    }
    if (at + 2 + item.bytes > view.byteLength) return `the end inside channel ${key.slice(0, 2)} at byte ${at}`
    const read = item.read(view, at + 2)
    if (past === undefined) Object.assign(fields, read)
    else history.push(read)
    at += 2 + item.bytes
  }
  return { fields, history }
}
