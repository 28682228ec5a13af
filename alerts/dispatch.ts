/**
 * Who goes where. Pure: given what is needed and which units are free, it says which unit goes to which place and
 * with what margin. A unit is sent to one place only. When nobody can be there in time the nearest goes all the same,
 * and the negative margin says so.
 */
import type { Position } from '@forewarn/contracts/geography'
import { type Level, levels } from '@forewarn/contracts/level'
import munkres from 'munkres'
import type { FindRoute, Route } from './routes.ts'

/** One unit wanted at one place. A place that wants two is two needs. */
export interface Need {
  readonly warningId: string
  readonly unitKind: string
  readonly level: Level
  readonly destination: Position
  /** When the unit would leave: now, or at the end of the veto window. */
  readonly leaveAtMs: number
  /** When the water is expected at the limit (median), and the early edge of that; absent: it is there, or unknown. */
  readonly mustArriveByMs?: number
  readonly mayComeAtMs?: number
}

export interface FreeUnit {
  readonly id: string
  readonly kind: string
  readonly position: Position
}

export interface Assignment {
  readonly need: Need
  readonly unitId: string
  readonly route: Route
  readonly arrivalAtMs: number
  /** mustArriveBy − arrival; undefined when there is nothing to be in time for. */
  readonly marginMin?: number
}

export interface Choice {
  readonly assignments: readonly Assignment[]
  /** Needs that no free unit of the kind was left for. */
  readonly unmet: readonly Need[]
}

/**
 * Chooses units for all needs together (Hungarian method on cost), worst level first when there are more needs than
 * units.
 */
export function chooseUnits(needs: readonly Need[], units: readonly FreeUnit[], findRoute: FindRoute): Choice {
  const assignments: Assignment[] = []
  const unmet: Need[] = []
  for (const kind of new Set(needs.map(need => need.unitKind))) {
    const ofKind = units.filter(unit => unit.kind === kind)
    const wanting = needs.filter(need => need.unitKind === kind).sort(worstFirst)
    const served = wanting.slice(0, ofKind.length)
    unmet.push(...wanting.slice(ofKind.length))
    assignments.push(...assign(served, ofKind, findRoute))
  }
  return { assignments, unmet }
}

function worstFirst(a: Need, b: Need): number {
  const byLevel = levels.indexOf(a.level) - levels.indexOf(b.level)
  return byLevel === 0 ? (a.mustArriveByMs ?? 0) - (b.mustArriveByMs ?? 0) : byLevel
}

function assign(needs: readonly Need[], units: readonly FreeUnit[], findRoute: FindRoute): Assignment[] {
  if (needs.length === 0) return []
  const options = needs.map(need =>
    units.map(unit => assignmentOf(need, unit, findRoute(unit.position, need.destination))),
  )
  const pairs = munkres(options.map(row => row.map(costOf)))
  return pairs.flatMap(([row, column]) => options[row]?.[column] ?? [])
}

function assignmentOf(need: Need, unit: FreeUnit, route: Route): Assignment {
  const arrivalAtMs = need.leaveAtMs + route.travelMs
  const margin = need.mustArriveByMs === undefined ? {} : { marginMin: minutes(need.mustArriveByMs - arrivalAtMs) }
  return { need, unitId: unit.id, route, arrivalAtMs, ...margin }
}

/** Being late counts ten times the drive, after the early edge twice; both more the worse the level. */
function costOf({ need, route, arrivalAtMs }: Assignment): number {
  const lateMin = Math.max(0, minutes(arrivalAtMs - (need.mustArriveByMs ?? arrivalAtMs)))
  const riskyMin = Math.max(0, minutes(arrivalAtMs - (need.mayComeAtMs ?? arrivalAtMs)))
  const weight = levels.length - levels.indexOf(need.level)
  return weight * (minutes(route.travelMs) + 2 * riskyMin + 10 * lateMin)
}

function minutes(ms: number): number {
  return ms / 60_000
}
