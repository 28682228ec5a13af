/**
 * What can be measured, in which unit, and between which physical bounds. A value outside its bounds is no
 * measurement: it is kept aside, never stored as one. Units are UCUM codes (https://ucum.org).
 */
import { z } from 'zod'

interface QuantityFacts {
  readonly unit: string
  /** Smallest and largest value that nature and the instrument allow. */
  readonly min: number
  readonly max: number
}

export const quantities = {
  /** Rain fallen in the reporting interval. A 1-minute world record is 31 mm. */
  rain: { unit: 'mm', min: 0, max: 40 },
  /** Depth of water on the road surface. */
  water_depth: { unit: 'm', min: -0.1, max: 5 },
  /** Water level in a manhole relative to the road surface: negative below ground. */
  manhole_level: { unit: 'm', min: -20, max: 5 },
  river_level: { unit: 'm', min: -10, max: 20 },
  pump_running: { unit: '1', min: 0, max: 1 },
  pump_flow: { unit: 'm3/s', min: 0, max: 100 },
  lift_door_time: { unit: 's', min: 0, max: 120 },
  lift_levelling_error: { unit: 'mm', min: -500, max: 500 },
  lift_trapped: { unit: '1', min: 0, max: 1 },
  vibration: { unit: 'mm/s', min: 0, max: 500 },
  crowd_density: { unit: '/m2', min: 0, max: 20 },
  parking_occupancy: { unit: '%', min: 0, max: 100 },
  smoke_obscuration: { unit: '%/m', min: 0, max: 100 },
  temperature: { unit: 'Cel', min: -60, max: 150 },
  humidity: { unit: '%', min: 0, max: 100 },
  pm2_5: { unit: 'ug/m3', min: 0, max: 2000 },
  noise: { unit: 'dB', min: 0, max: 160 },
  power_load: { unit: 'kW', min: 0, max: 100_000 },
  wind_speed: { unit: 'm/s', min: 0, max: 120 },
} as const satisfies Record<string, QuantityFacts>

export type Quantity = keyof typeof quantities
export const Quantity = z.enum(Object.keys(quantities).filter((name): name is Quantity => name in quantities))

/** Whether a value can be a measurement of this quantity at all. */
export function isPhysical(quantity: Quantity, value: number): boolean {
  const { min, max } = quantities[quantity]
  return value >= min && value <= max
}
