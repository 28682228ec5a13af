/**
 * ChirpStack v4: uplinks in JSON on `application/{id}/device/{devEui}/event/up`. What the device profile's codec made
 * of the bytes counts; without a codec, Milesight's payloads are read here. The other events are signs of life.
 */
import { parseChirpstackTopic, parseUplink, type Uplink } from '@forewarn/protocols/chirpstack/event'
import { flatten } from '@forewarn/protocols/flatten'
import { jsonOf } from '@forewarn/protocols/json-text'
import { parseMilesight } from '@forewarn/protocols/lorawan-payload/milesight'
import type { DeviceValue, TakeValues } from './device-values.ts'
import { type Format, heard, refused } from './format.ts'

/** Uplinks of ChirpStack's MQTT integration in JSON. */
export function chirpstackFormat({ take }: { take: TakeValues }): Format {
  return ({ topic, payload }, arrival) => {
    const address = parseChirpstackTopic(topic)
    if (address === undefined) return refused('unknown-topic', `${topic} is no event of ChirpStack`)
    if (address.event !== 'up' || payload.length === 0) return heard
    const uplink = parseUplink(jsonOf(payload))
    if (typeof uplink === 'string') return refused('bad-payload', `no uplink of ChirpStack in JSON: ${uplink}`)
    if (uplink.devEui !== address.devEui) return refused('bad-payload', `the uplink is of device ${uplink.devEui}`)
    // A frame without data only keeps the connection: a sign of life.
    if (uplink.object === undefined && uplink.data.length === 0) return heard
    const said = valuesOf(uplink)
    return typeof said === 'string' ? refused('bad-payload', said) : take(said, arrival)
  }
}

const milesightPort = 85

function valuesOf(uplink: Uplink): { values: DeviceValue[]; faults?: string[] } | string {
  const { object, data, fPort, atMs, profileName } = uplink
  if (object !== undefined && Object.keys(object).length > 0) return { values: named(flatten(object), atMs, uplink) }
  if (data.length === 0) return 'the codec made nothing of an empty payload'
  if (fPort !== milesightPort) return `no codec for port ${fPort}: set one in the device profile of ChirpStack`
  const read = parseMilesight(data, profileName)
  if (typeof read === 'string') return read
  const history = read.history.flatMap(record => {
    const { timestamp, ...fields } = record
    return typeof timestamp === 'number' ? named(fields, timestamp * 1000, uplink) : []
  })
  const values = [...named(read.fields, atMs, uplink), ...history]
  return read.unread === undefined ? { values } : { values, faults: [read.unread] }
}

function named(
  fields: Readonly<Record<string, unknown>>,
  timeMs: number,
  { devEui, deviceName }: Uplink,
): DeviceValue[] {
  return Object.entries(fields).map(([field, value]) => ({
    names: [`${deviceName}.${field}`, `${devEui}.${field}`, `chirpstack/${devEui}#${field}`],
    value,
    timeMs,
    unit: unitIn(field),
  }))
}

/** Our own reader of payloads states lengths in the field's name. */
function unitIn(field: string): string | undefined {
  return /_(mm|cm)$/.exec(field)?.[1]
}
