/**
 * Rules meet the registry: which rule watches which sensor, which place that is, and who else says something of
 * the same place and hazard. Done once at start.
 */
import type { District, Place } from '@forewarn/contracts/district'
import type { Quantity } from '@forewarn/contracts/quantity'
import type { Rule } from '../language/rule.ts'
import { windowOn } from '../language/window.ts'
import { type HoldTimes, rankOf } from './cells.ts'

/** A rule at a sensor, or a forecast rule at a place (`sensor` is -1). */
export interface Cell {
  readonly rule: Rule
  readonly ruleIndex: number
  readonly sensor: number
  readonly placeIndex: number
  readonly group: number
  /** Below it no level can hold; -Infinity when that cannot be told from the condition. */
  readonly lowestBound: number
  readonly silentAfterMs: number
  readonly times: HoldTimes
}

/** A place and a hazard: what an episode is about. */
export interface Group {
  readonly placeIndex: number
  readonly place: Place
  readonly hazard: string
  readonly cells: number[]
  /** The rule whose `outcome` says whether it really happened. */
  outcomeRule: Rule | undefined
}

export interface Binding {
  readonly cells: readonly Cell[]
  readonly groups: readonly Group[]
  /** Cells of sensor s: `sensorCells[firstOfSensor[s] .. firstOfSensor[s + 1])`. */
  readonly firstOfSensor: Uint32Array
  readonly sensorCells: Uint32Array
  /** Group whose outcome a sensor measures; -1 for none. */
  readonly outcomeGroup: Int32Array
  readonly placeOfSensor: Int32Array
  /** What a person should know: places without a limit that a rule needs, and the like. */
  readonly remarks: readonly string[]
}

/** A manhole's level is relative to the road, so from 0 up it is the depth on the road; below, the road is dry. */
const measuredAlsoBy: Partial<Record<Quantity, readonly Quantity[]>> = { water_depth: ['manhole_level'] }

/** Whether a sensor of this quantity answers a rule that watches `watched`. */
export function answers(watched: Quantity, quantity: Quantity): boolean {
  return watched === quantity || (measuredAlsoBy[watched]?.includes(quantity) ?? false)
}

interface Draft {
  readonly district: District
  readonly cells: Cell[]
  readonly groups: Group[]
  readonly groupByKey: Map<string, number>
  readonly placeIndex: ReadonlyMap<string, number>
  readonly remarks: Set<string>
}

/** `canForecast`: places for which a forecast model and rain gauges exist. */
export function bindRules(rules: readonly Rule[], district: District, canForecast: ReadonlySet<string>): Binding {
  const draft: Draft = {
    district,
    cells: [],
    groups: [],
    groupByKey: new Map(),
    placeIndex: new Map(district.places.map(({ id }, index) => [id, index])),
    remarks: new Set(),
  }
  for (const [ruleIndex, rule] of rules.entries()) {
    if (rule.forecast === undefined) bindToSensors(draft, rule, ruleIndex)
    else bindToPlaces(draft, rule, ruleIndex, canForecast)
  }
  const placeOfSensor = Int32Array.from(district.sensors, ({ place }) => draft.placeIndex.get(place ?? '') ?? -1)
  return {
    cells: draft.cells,
    groups: draft.groups,
    ...indexBySensor(draft.cells, district.sensors.length),
    outcomeGroup: outcomeGroups(draft, placeOfSensor),
    placeOfSensor,
    remarks: [...draft.remarks],
  }
}

function bindToSensors(draft: Draft, rule: Rule, ruleIndex: number): void {
  for (const [sensor, { quantity, place, periodS }] of draft.district.sensors.entries()) {
    if (place === undefined || !answers(rule.watch, quantity)) continue
    const placeIndex = draft.placeIndex.get(place)
    if (placeIndex === undefined || !isWhere(draft, rule, placeIndex)) continue
    addCell(draft, { rule, ruleIndex, sensor, placeIndex, silentAfterMs: silentAfter(rule, periodS) })
  }
}

function silentAfter(rule: Rule, periodS: number): number {
  return rule.silentPeriods === undefined ? Number.POSITIVE_INFINITY : rule.silentPeriods * periodS * 1000
}

function bindToPlaces(draft: Draft, rule: Rule, ruleIndex: number, canForecast: ReadonlySet<string>): void {
  for (const [placeIndex, { id }] of draft.district.places.entries()) {
    if (!isWhere(draft, rule, placeIndex)) continue
    if (!canForecast.has(id)) {
      draft.remarks.add(`${rule.name}: ${id} has no rain gauges in its catchment and is not forecast`)
      continue
    }
    addCell(draft, { rule, ruleIndex, sensor: -1, placeIndex, silentAfterMs: Number.POSITIVE_INFINITY })
  }
}

function isWhere(draft: Draft, rule: Rule, placeIndex: number): boolean {
  const place = draft.district.places[placeIndex]
  return place !== undefined && (rule.where?.holds(windowOn(place, Number.NaN)) ?? true)
}

function addCell(
  draft: Draft,
  part: Pick<Cell, 'rule' | 'ruleIndex' | 'sensor' | 'placeIndex' | 'silentAfterMs'>,
): void {
  const { rule, placeIndex } = part
  const place = draft.district.places[placeIndex]
  if (place === undefined) return
  for (const name of rule.levels.flatMap(({ when }) => when.limits)) {
    if (place.limits[name] === undefined) draft.remarks.add(`${rule.name}: ${place.id} has no limit "${name}"`)
  }
  const group = groupOf(draft, placeIndex, place, rule)
  draft.groups[group]?.cells.push(draft.cells.length)
  draft.cells.push({ ...part, group, lowestBound: lowestBound(rule, place), times: timesOf(rule) })
}

function groupOf(draft: Draft, placeIndex: number, place: Place, rule: Rule): number {
  const key = `${placeIndex}.${rule.hazard}`
  const known = draft.groupByKey.get(key)
  const index = known ?? draft.groups.length
  if (known === undefined) {
    draft.groupByKey.set(key, index)
    draft.groups.push({ placeIndex, place, hazard: rule.hazard, cells: [], outcomeRule: undefined })
  }
  const group = draft.groups[index]
  if (group !== undefined) group.outcomeRule ??= rule.outcome === undefined ? undefined : rule
  return index
}

function timesOf(rule: Rule): HoldTimes {
  const lowest = rule.levels.at(-1)?.level ?? 'none'
  return { holdMs: rule.holdMs, clearHoldMs: rule.clear.holdMs, lowestRank: rankOf(lowest) }
}

function lowestBound(rule: Rule, place: Place): number {
  const window = windowOn(place, Number.NaN)
  let lowest = Number.POSITIVE_INFINITY
  for (const { when } of rule.levels) {
    if (when.lowerBound === undefined) return Number.NEGATIVE_INFINITY
    const bound = when.lowerBound(window)
    if (!Number.isNaN(bound)) lowest = Math.min(lowest, bound)
  }
  return lowest
}

function indexBySensor(cells: readonly Cell[], sensors: number) {
  const firstOfSensor = new Uint32Array(sensors + 1)
  for (const { sensor } of cells) if (sensor >= 0) firstOfSensor[sensor + 1] = (firstOfSensor[sensor + 1] ?? 0) + 1
  for (let sensor = 0; sensor < sensors; sensor++) {
    firstOfSensor[sensor + 1] = (firstOfSensor[sensor + 1] ?? 0) + (firstOfSensor[sensor] ?? 0)
  }
  const next = firstOfSensor.slice()
  const sensorCells = new Uint32Array(firstOfSensor[sensors] ?? 0)
  for (const [index, { sensor }] of cells.entries()) {
    if (sensor < 0) continue
    const at = next[sensor] ?? 0
    sensorCells[at] = index
    next[sensor] = at + 1
  }
  return { firstOfSensor, sensorCells }
}

function outcomeGroups(draft: Draft, placeOfSensor: Int32Array): Int32Array {
  const byPlace = Map.groupBy(
    [...draft.groups.entries()].filter(([, group]) => group.outcomeRule !== undefined),
    ([, group]) => group.placeIndex,
  )
  return Int32Array.from(draft.district.sensors, ({ quantity }, sensor) => {
    const found = byPlace.get(placeOfSensor[sensor] ?? -1)?.find(([, { outcomeRule }]) => {
      const watch = outcomeRule?.outcome?.watch
      return watch !== undefined && answers(watch, quantity)
    })
    return found?.[0] ?? -1
  })
}
