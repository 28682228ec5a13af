/** What is on the map now, from the page's state. */
import type { Order } from '@forewarn/contracts/order'
import { computed } from '@preact/signals'
import { language, say, t } from '../language.ts'
import { letterWord } from '../levels.ts'
import { isUnacknowledged } from '../order.ts'
import { conditions, district, placeOf, selected, unitOf, units, wantedOrder } from '../state.ts'
import type { Scene, UnitMark, WarningMark } from './paint.ts'
import { boundsOf, type Point, project } from './projection.ts'
import { shapesOf } from './shapes.ts'

export const shapes = computed(() => (district.value === undefined ? [] : shapesOf(district.value.mapLayers)))

const dots = computed(() => district.value?.places.map(place => project(place.position.lon, place.position.lat)) ?? [])

/** The district's outline, or all of its places when there is none. */
export const districtBounds = computed(() => {
  const outline = shapes.value.filter(shape => shape.layer === 'district').flatMap(shape => shape.paths.flat())
  return boundsOf(outline.length > 0 ? outline : dots.value)
})

export const scene = computed<Scene>(() => {
  const open = wantedOrder.value
  const warned = new Set(open.map(warning => warning.placeId))
  const orders = open.flatMap(warning => warning.orders).filter(isOnTheWay)
  return {
    shapes: shapes.value,
    dots: dots.value,
    blind: (conditions.value ?? [])
      .filter(one => one.condition === 'unknown' && !warned.has(one.placeId))
      .flatMap(one => pointOf(one.placeId) ?? []),
    warnings: warningMarks(),
    units: unitMarks(orders),
    routes: orders
      .filter(order => order.route.length > 1)
      .map(order => ({
        path: order.route.map(([lon, lat]) => project(lon, lat)),
        selected: order.placeId === selected.value?.placeId,
      }))
      .sort((a, b) => Number(a.selected) - Number(b.selected)),
    language: language.value,
  }
})

/** A reserved route is shown as well: it is what the officer is asked about. */
function isOnTheWay({ state }: Order): boolean {
  return state === 'reserved' || state === 'moving'
}

/** Where a warning's place is; undefined for a place that the registry does not know. */
export function pointOf(placeId: string): Point | undefined {
  const position = placeOf(placeId)?.position
  return position === undefined ? undefined : project(position.lon, position.lat)
}

function warningMarks(): WarningMark[] {
  return wantedOrder.value.toReversed().flatMap(warning => {
    const at = pointOf(warning.placeId)
    const place = placeOf(warning.placeId)
    if (at === undefined || place === undefined) return []
    const word = letterWord(warning.level)
    return {
      id: warning.id,
      at,
      level: warning.level,
      letter: word === undefined ? '?' : t(word),
      name: say(place.name),
      waits: isUnacknowledged(warning),
      selected: warning.id === selected.value?.id,
    }
  })
}

function unitMarks(orders: readonly Order[]): UnitMark[] {
  const ordered = new Set(orders.map(order => order.unitId))
  return [...units.value.values()].flatMap(unit => {
    const known = unitOf(unit.unitId)
    if (known === undefined) return []
    const busy = ordered.has(unit.unitId) || (unit.state !== 'free' && unit.state !== 'silent')
    return { at: project(unit.lon, unit.lat), label: unit.unitId, busy }
  })
}
