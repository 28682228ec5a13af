/**
 * From the state of one place and the futures of the rain to what may come: a fan of depths, and the chance and
 * time of crossing each limit. Pure, and quick: it runs for every place every minute.
 */
import { horizonMin } from './ensemble.ts'
import { depthM, type ReservoirParameters, type ReservoirState, storedMmAt, takeUp } from './reservoir.ts'

/** Minutes ahead at which the fan is given. */
export const fanLeadMin: readonly number[] = Array.from({ length: 25 }, (_, index) => index * 5)

export interface Crossing {
  readonly limit: number
  /** Minutes ahead at which each member first stands at the limit; members that never do are left out. Sorted. */
  readonly afterMin: readonly number[]
}

export interface Foresight {
  readonly members: number
  readonly p10: readonly number[]
  readonly p50: readonly number[]
  readonly p90: readonly number[]
  readonly crossings: readonly Crossing[]
}

export interface Outlook {
  readonly parameters: ReservoirParameters
  readonly state: ReservoirState
  /** Rain now, mm/h, and its futures as factors of it (see ensemble.ts). */
  readonly rainMmPerHour: number
  readonly members: number
  readonly factor: Float64Array
  /** How fast the members' minutes pass (see `paceAt`). */
  readonly pace: number
  /** Depths, m. */
  readonly limits: readonly number[]
}

/** Runs every member 120 minutes ahead. */
export function foresee(outlook: Outlook): Foresight {
  const { parameters, state, members, limits } = outlook
  const fan = fanLeadMin.map(() => new Float64Array(members))
  fan[0]?.fill(state.storedMm)
  const limitMm = limits.map(limit => storedMmAt(parameters, limit))
  const crossed = limits.map(() => new Float64Array(members).fill(Number.NaN))
  for (let member = 0; member < members; member++) runMember(outlook, member, { fan, limitMm, crossed })
  for (const column of fan) column.sort()
  const quantile = (p: number) => fan.map(column => depthM(parameters, column[Math.floor(p * members)] ?? 0))
  return {
    members,
    p10: quantile(0.1),
    p50: quantile(0.5),
    p90: quantile(0.9),
    crossings: limits.map((limit, index) => ({
      limit,
      afterMin: [...(crossed[index] ?? [])].filter(minute => !Number.isNaN(minute)).sort((a, b) => a - b),
    })),
  }
}

interface Sheets {
  readonly fan: readonly Float64Array[]
  readonly limitMm: readonly number[]
  readonly crossed: readonly Float64Array[]
}

// The innermost loop of the house: plain numbers, no calls, no allocation.
function runMember(outlook: Outlook, member: number, { fan, limitMm, crossed }: Sheets): void {
  const { parameters, state, factor, rainMmPerHour, pace } = outlook
  const [first, second] = [takeUp(parameters.firstMin), takeUp(parameters.secondMin)]
  const capacity = parameters.capacityMmPerHour
  const row = member * horizonMin
  let [a, b, stored] = [state.first, state.second, state.storedMm]
  let next = 0
  const levels = limitMm.length
  while (next < levels && stored >= (limitMm[next] ?? 0)) noteCrossing(crossed, next++, member, 0)
  for (let minute = 0; minute < horizonMin; minute++) {
    const passed = minute * pace
    const rain = passed < horizonMin ? rainMmPerHour * (factor[row + (passed | 0)] ?? 0) : 0
    a += (rain - a) * first
    b += (a - b) * second
    stored += (b - capacity) / 60
    if (stored < 0) stored = 0
    while (next < levels && stored >= (limitMm[next] ?? 0)) noteCrossing(crossed, next++, member, minute + 1)
    if (minute % 5 === 4) {
      const column = fan[(minute + 1) / 5]
      if (column !== undefined) column[member] = stored
    }
  }
}

function noteCrossing(crossed: readonly Float64Array[], limit: number, member: number, minute: number): void {
  const column = crossed[limit]
  if (column !== undefined) column[member] = minute
}

/** Share of members that stand at the limit within the horizon. */
export function chanceWithin(crossing: Crossing, members: number, withinMin: number): number {
  let count = 0
  for (const minute of crossing.afterMin) if (minute <= withinMin) count += 1
  return count / members
}
