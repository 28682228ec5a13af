/**
 * Finds the five numbers of a place from its past storms: a random search over their whole range, then around the
 * best. Deterministic from a seed. Works on recordings, never on the live house.
 */
import { medianSorted } from 'simple-statistics'
import { seededRandom } from './ensemble.ts'
import type { Storm } from './recordings.ts'
import { depthM, emptyReservoir, type ReservoirParameters, runMinute } from './reservoir.ts'

const ranges = {
  firstMin: [0.7, 40],
  secondMin: [0.7, 60],
  capacityMmPerHour: [2, 150],
  depthAtOneMm: [0.0005, 0.4],
  depthPower: [0.25, 1.3],
} as const satisfies Record<keyof ReservoirParameters, readonly [number, number]>

type Random = () => number
type Parameter = keyof ReservoirParameters

function draw(random: Random, name: Parameter): number {
  const [low, high] = ranges[name]
  return low * (high / low) ** random()
}

function drawAnywhere(random: Random): ReservoirParameters {
  return {
    firstMin: draw(random, 'firstMin'),
    secondMin: draw(random, 'secondMin'),
    capacityMmPerHour: draw(random, 'capacityMmPerHour'),
    depthAtOneMm: draw(random, 'depthAtOneMm'),
    depthPower: draw(random, 'depthPower'),
  }
}

function drawAround(random: Random, centre: ReservoirParameters, spread: number): ReservoirParameters {
  const moved = (name: Parameter) => {
    const [low, high] = ranges[name]
    // Some parameters stay as they are, so that the search can walk along the valley.
    if (random() < 0.4) return centre[name]
    const factor = Math.exp(spread * (random() + random() - 1))
    return Math.min(high, Math.max(low, centre[name] * factor))
  }
  return {
    firstMin: moved('firstMin'),
    secondMin: moved('secondMin'),
    capacityMmPerHour: moved('capacityMmPerHour'),
    depthAtOneMm: moved('depthAtOneMm'),
    depthPower: moved('depthPower'),
  }
}

const onsetM = 0.15
/** Deeper than this, more accuracy changes no decision. */
const deepEnoughM = 0.5

/** How badly the model tells one storm at one place; 0 is perfect. Onset first, depth second. */
export function costOf(parameters: ReservoirParameters, rainMmPerHour: Float64Array, levelM: Float32Array): number {
  const state = emptyReservoir()
  let [seenAt, foreseenAt, error, wet] = [-1, -1, 0, 0]
  for (let minute = 0; minute < levelM.length; minute++) {
    runMinute(state, parameters, rainMmPerHour[minute] ?? 0)
    const model = depthM(parameters, state.storedMm)
    const seen = Math.max(0, levelM[minute] ?? 0)
    if (seenAt < 0 && seen >= onsetM) seenAt = minute
    if (foreseenAt < 0 && model >= onsetM) foreseenAt = minute
    if (seen <= 0.02 && model <= 0.02) continue
    error += Math.abs(Math.min(deepEnoughM, seen) - Math.min(deepEnoughM, model))
    wet += 1
  }
  const depthCost = wet === 0 ? 0 : error / wet / onsetM
  return onsetCost(seenAt, foreseenAt) + 0.3 * Math.min(2, depthCost)
}

function onsetCost(seenAt: number, foreseenAt: number): number {
  if (seenAt < 0 && foreseenAt < 0) return 0
  if (seenAt < 0 || foreseenAt < 0) return 1.5
  return Math.min(1.5, Math.abs(seenAt - foreseenAt) / 20)
}

export interface Calibration {
  readonly parameters: ReservoirParameters
  /** Mean cost per storm. */
  readonly cost: number
}

export interface CalibrationOptions {
  readonly seed: number
  /** Trials over the whole range, and around the best. */
  readonly wideTrials: number
  readonly nearTrials: number
}

/** Calibrates one place. Undefined when no storm says anything about it. */
export function calibratePlace(
  storms: readonly Storm[],
  place: string,
  { seed, wideTrials, nearTrials }: CalibrationOptions,
): Calibration | undefined {
  const cases = storms.flatMap(({ rainMmPerHour, levelM }) => {
    const level = levelM.get(place)
    return level === undefined ? [] : [{ rainMmPerHour, level }]
  })
  if (cases.length === 0) return undefined
  const random = seededRandom(seed)
  let best = { parameters: drawAnywhere(random), cost: Number.POSITIVE_INFINITY }
  const consider = (parameters: ReservoirParameters) => {
    let cost = 0
    for (const { rainMmPerHour, level } of cases) {
      cost += costOf(parameters, rainMmPerHour, level)
      if (cost >= best.cost) return
    }
    best = { parameters, cost }
  }
  for (let trial = 0; trial < wideTrials; trial++) consider(drawAnywhere(random))
  for (let trial = 0; trial < nearTrials; trial++) {
    consider(drawAround(random, best.parameters, 1.2 * (1 - trial / nearTrials) + 0.1))
  }
  return { parameters: best.parameters, cost: best.cost / cases.length }
}

/** The middle of several places, for one that has no storms of its own. */
export function medianParameters(places: readonly ReservoirParameters[]): ReservoirParameters {
  const middle = (name: Parameter) => medianSorted(places.map(place => place[name]).sort((a, b) => a - b))
  return {
    firstMin: middle('firstMin'),
    secondMin: middle('secondMin'),
    capacityMmPerHour: middle('capacityMmPerHour'),
    depthAtOneMm: middle('depthAtOneMm'),
    depthPower: middle('depthPower'),
  }
}
