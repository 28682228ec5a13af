/** How officers read each quantity: depth in centimetres, the rest as in `contracts`. The type holds the two together. */
import type { Quantity } from '@forewarn/contracts/quantity'

interface Shown {
  readonly factor: number
  readonly unit: string
  readonly digits: number
}

export const quantities = {
  rain: { factor: 1, unit: 'mm', digits: 1 },
  water_depth: { factor: 100, unit: 'cm', digits: 0 },
  manhole_level: { factor: 100, unit: 'cm', digits: 0 },
  river_level: { factor: 1, unit: 'm', digits: 2 },
  pump_running: { factor: 1, unit: '', digits: 0 },
  pump_flow: { factor: 1, unit: 'm³/s', digits: 2 },
  lift_door_time: { factor: 1, unit: 's', digits: 1 },
  lift_levelling_error: { factor: 1, unit: 'mm', digits: 0 },
  lift_trapped: { factor: 1, unit: '', digits: 0 },
  vibration: { factor: 1, unit: 'mm/s', digits: 1 },
  crowd_density: { factor: 1, unit: '/m²', digits: 1 },
  parking_occupancy: { factor: 1, unit: '%', digits: 0 },
  smoke_obscuration: { factor: 1, unit: '%/m', digits: 1 },
  temperature: { factor: 1, unit: '°C', digits: 1 },
  humidity: { factor: 1, unit: '%', digits: 0 },
  pm2_5: { factor: 1, unit: 'µg/m³', digits: 0 },
  noise: { factor: 1, unit: 'dB', digits: 0 },
  power_load: { factor: 1, unit: 'kW', digits: 0 },
  wind_speed: { factor: 1, unit: 'm/s', digits: 1 },
} as const satisfies Record<Quantity, Shown>
