/** The trucks and crews of the simulated district, and the depots they stand in. */
import type { Gateway, Unit } from '@forewarn/contracts/district'
import { distanceM, type Position } from '@forewarn/contracts/geography'
import type { Roads } from './geography.ts'

interface Group {
  readonly kind: Unit['kind']
  readonly count: number
  readonly prefix: string
  readonly zh: string
  readonly en: string
  readonly crew: number
  /** One after the other, again from the front. m³/h, as the city's mobile pumps come. */
  readonly capacitiesM3PerHour: readonly number[]
}

const groups: readonly Group[] = [
  {
    kind: 'pump-truck',
    count: 12,
    prefix: 'pump',
    zh: '移动泵车',
    en: 'Pump truck',
    crew: 3,
    capacitiesM3PerHour: [3000, 2000, 2000, 1000],
  },
  {
    kind: 'drainage-crew',
    count: 4,
    prefix: 'drain',
    zh: '排水抢险班',
    en: 'Drainage crew',
    crew: 5,
    capacitiesM3PerHour: [300],
  },
  { kind: 'lift-crew', count: 2, prefix: 'lift', zh: '电梯救援班', en: 'Lift crew', crew: 2, capacitiesM3PerHour: [0] },
  { kind: 'patrol', count: 2, prefix: 'patrol', zh: '巡查车', en: 'Patrol', crew: 2, capacitiesM3PerHour: [0] },
]

/** Yards in the west, the north-east and the south-east of the road network. */
const depots: readonly Position[] = [
  { lon: 121.4645, lat: 31.2325, crs: 'WGS-84' },
  { lon: 121.4805, lat: 31.2385, crs: 'WGS-84' },
  { lon: 121.4765, lat: 31.2235, crs: 'WGS-84' },
]

/** 20 units on the road graph, each with the gateway in its cab. */
export function makeFleet(roads: Roads): { units: Unit[]; gateways: Gateway[] } {
  const bays = depots.map(depot =>
    roads.spots.toSorted((a, b) => distanceM(a.position, depot) - distanceM(b.position, depot)),
  )
  const members = groups.flatMap(group => Array.from({ length: group.count }, (_, index) => ({ group, index })))
  const units = members.map(({ group, index }, order): Unit => {
    const number = String(index + 1).padStart(2, '0')
    const base = bays[order % bays.length]?.[Math.floor(order / bays.length)]?.position
    if (base === undefined) throw new RangeError('the road graph is too small for the fleet')
    return {
      id: `${group.prefix}-${number}`,
      kind: group.kind,
      name: { zh: `${group.zh}${index + 1}号`, en: `${group.en} ${index + 1}` },
      gateway: `vehicle-${group.prefix}-${number}`,
      capacityM3PerHour: group.capacitiesM3PerHour[index % group.capacitiesM3PerHour.length] ?? 0,
      crew: group.crew,
      base,
    }
  })
  const gateways = units.map(({ gateway, name }): Gateway => ({ id: gateway, name, kind: 'vehicle' }))
  return { units, gateways }
}
