/** What a location says beside the place, as readings of the profile's sensors. */
import type { SenmlReading } from '@forewarn/contracts/senml'
import { locationTimeMs, type VehicleLocation } from '@forewarn/protocols/jt808/location'
import { readingOf } from '../profile-fields.ts'
import type { VehicleSensor } from './profile.ts'

/** None when the location has no time: nobody could say what they are readings of. */
export function readingsOf(sensors: readonly VehicleSensor[], location: VehicleLocation): SenmlReading[] {
  const atMs = locationTimeMs(location)
  if (atMs === undefined) return []
  return sensors.flatMap(sensor => {
    const raw = rawOf(sensor.from, location)
    const reading = raw === undefined ? undefined : readingOf(sensor, raw, atMs)
    return reading === undefined ? [] : [reading]
  })
}

function rawOf(from: VehicleSensor['from'], location: VehicleLocation): number | undefined {
  if (from === 'speed_kmh' || from === 'altitude_m') return location[from]
  if (from === 'acc') return location.acc ? 1 : 0
  return location.extras.find(extra => extra[from] !== undefined)?.[from]
}
