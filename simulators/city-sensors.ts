/** Everything in the simulated district that is not a flood point: some 2,000 sensors at lifts, pumps, plazas … */
import type { Gateway, Place, Sensor } from '@forewarn/contracts/district'
import type { Position } from '@forewarn/contracts/geography'
import type { Quantity } from '@forewarn/contracts/quantity'
import { type Chance, chanceOf } from './chance.ts'
import { loadAreas } from './geography.ts'

interface Installation {
  readonly kind: Place['kind']
  readonly prefix: string
  readonly count: number
  readonly zh: string
  readonly en: string
  readonly sensors: readonly { readonly name: string; readonly quantity: Quantity; readonly periodS: number }[]
}

function several(quantity: Quantity, { name, count, periodS }: { name: string; count: number; periodS: number }) {
  return Array.from({ length: count }, (_, index) => ({ name: `${name}${index + 1}`, quantity, periodS }))
}

const installations: readonly Installation[] = [
  {
    kind: 'pump-station',
    prefix: 'pumps',
    count: 30,
    zh: '泵站',
    en: 'pump station',
    sensors: [
      ...several('pump_running', { name: 'pump', count: 3, periodS: 60 }),
      { name: 'flow', quantity: 'pump_flow', periodS: 60 },
      { name: 'river', quantity: 'river_level', periodS: 300 },
    ],
  },
  {
    kind: 'lift',
    prefix: 'lift',
    count: 120,
    zh: '住宅电梯',
    en: 'residential lift',
    sensors: [
      { name: 'door', quantity: 'lift_door_time', periodS: 120 },
      { name: 'levelling', quantity: 'lift_levelling_error', periodS: 300 },
      { name: 'vibration', quantity: 'vibration', periodS: 300 },
      { name: 'trapped', quantity: 'lift_trapped', periodS: 60 },
    ],
  },
  {
    kind: 'plaza',
    prefix: 'plaza',
    count: 20,
    zh: '广场',
    en: 'plaza',
    sensors: [
      ...several('crowd_density', { name: 'crowd', count: 3, periodS: 60 }),
      { name: 'noise', quantity: 'noise', periodS: 300 },
    ],
  },
  {
    kind: 'car-park',
    prefix: 'park',
    count: 40,
    zh: '停车场',
    en: 'car park',
    sensors: [{ name: 'occupancy', quantity: 'parking_occupancy', periodS: 300 }],
  },
  {
    kind: 'building',
    prefix: 'building',
    count: 110,
    zh: '商务楼',
    en: 'building',
    sensors: [
      ...several('smoke_obscuration', { name: 'smoke', count: 4, periodS: 300 }),
      ...several('temperature', { name: 'temperature', count: 2, periodS: 300 }),
      { name: 'humidity', quantity: 'humidity', periodS: 300 },
    ],
  },
  {
    kind: 'substation',
    prefix: 'substation',
    count: 40,
    zh: '变电站',
    en: 'substation',
    sensors: [
      { name: 'load', quantity: 'power_load', periodS: 300 },
      { name: 'temperature', quantity: 'temperature', periodS: 300 },
    ],
  },
  {
    kind: 'weather-station',
    prefix: 'weather',
    count: 20,
    zh: '气象站',
    en: 'weather station',
    sensors: [
      { name: 'temperature', quantity: 'temperature', periodS: 300 },
      { name: 'humidity', quantity: 'humidity', periodS: 300 },
      { name: 'pm2_5', quantity: 'pm2_5', periodS: 300 },
      { name: 'noise', quantity: 'noise', periodS: 300 },
      { name: 'wind', quantity: 'wind_speed', periodS: 60 },
    ],
  },
  {
    kind: 'compound',
    prefix: 'compound',
    count: 120,
    zh: '小区',
    en: 'compound',
    sensors: [
      { name: 'manhole', quantity: 'manhole_level', periodS: 300 },
      { name: 'pm2_5', quantity: 'pm2_5', periodS: 300 },
    ],
  },
]

/** Their places, sensors and gateways; a gateway serves a neighbourhood, whatever is in it. */
export function makeCity({ seed, gatewayCount }: { seed: number; gatewayCount: number }) {
  const chance = chanceOf(seed, 'city')
  const areas = loadAreas()
  const gateways = Array.from({ length: gatewayCount }, (_, index): Gateway => {
    const number = String(index + 1).padStart(2, '0')
    return { id: `gw-city-${number}`, name: { zh: `城区网关${number}`, en: `City gateway ${number}` }, kind: 'field' }
  })
  const places: Place[] = []
  const sensors: Sensor[] = []
  for (const installation of installations) {
    for (let number = 1; number <= installation.count; number++) {
      const place = placeOf(installation, { number, position: positionIn(areas.district, chance), areas })
      const gateway = gateways[places.length % gateways.length]?.id ?? ''
      places.push(place)
      for (const { name, quantity, periodS } of installation.sensors) {
        sensors.push({
          id: `${place.id}.${name}`,
          quantity,
          gateway,
          place: place.id,
          position: place.position,
          periodS,
        })
      }
    }
  }
  return { places, sensors, gateways }
}

type Areas = ReturnType<typeof loadAreas>

function positionIn({ bounds: [west, south, east, north], contains }: Areas['district'], chance: Chance): Position {
  for (;;) {
    const lon = Number((west + chance.next() * (east - west)).toFixed(6))
    const lat = Number((south + chance.next() * (north - south)).toFixed(6))
    const position: Position = { lon, lat, crs: 'WGS-84' }
    if (contains(position)) return position
  }
}

function placeOf(
  { kind, prefix, zh, en }: Installation,
  { number, position, areas }: { number: number; position: Position; areas: Areas },
): Place {
  const subdistrict = areas.subdistricts.find(area => area.contains(position))
  const around = subdistrict?.name ?? areas.district.name
  return {
    id: `${prefix}-${String(number).padStart(3, '0')}`,
    kind,
    name: { zh: `${around.zh}${zh}${number}号`, en: `${around.en} ${en} ${number}` },
    ...(subdistrict === undefined ? {} : { subdistrict: subdistrict.name.zh }),
    position,
    limits: {},
    stagingPoints: [],
  }
}
