/**
 * A district small enough to read: for the tests of this room.
 */
import type { District } from '@forewarn/contracts/district'

const text = (en: string) => ({ zh: en, en })
const position = { lon: 121.45, lat: 31.23, crs: 'WGS-84' } as const

/** Sensor indices: 0 gauge-1, 1 depth-1, 2 depth-2 (of gw-2). */
export const testDistrict: District = {
  id: 'jingan',
  name: text('Jing’an'),
  timeZone: 'Asia/Shanghai',
  gateways: [
    { id: 'gw-1', kind: 'field' },
    { id: 'gw-2', kind: 'field' },
  ],
  sensors: [
    { id: 'gauge-1', quantity: 'rain', gateway: 'gw-1', position, periodS: 60 },
    { id: 'depth-1', quantity: 'water_depth', gateway: 'gw-1', position, periodS: 60 },
    { id: 'depth-2', quantity: 'water_depth', gateway: 'gw-2', position, periodS: 60 },
  ],
  places: [],
  units: [],
}
