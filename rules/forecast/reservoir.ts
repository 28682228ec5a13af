/**
 * How rain becomes water on the road, at one place, in five numbers: two linear reservoirs in a row turn rain into
 * inflow, the drains take what they can, and the rest is stored on the road. Equations: docs/forecasts/rain-to-depth.md.
 */

export interface ReservoirParameters {
  /** Time constants of the two reservoirs, minutes. */
  readonly firstMin: number
  readonly secondMin: number
  /** What the drains take, as rain intensity. */
  readonly capacityMmPerHour: number
  /** Depth in metres when 1 mm is stored, and the power with which it grows. */
  readonly depthAtOneMm: number
  readonly depthPower: number
}

/** What the model carries from minute to minute. */
export interface ReservoirState {
  /** Outflow of the two reservoirs, mm/h. */
  first: number
  second: number
  /** Water that found no drain, mm over the contributing area. */
  storedMm: number
}

export function emptyReservoir(): ReservoirState {
  return { first: 0, second: 0, storedMm: 0 }
}

/** Share of the difference that a reservoir with this time constant takes over in one minute. */
export function takeUp(timeConstantMin: number): number {
  return 1 - Math.exp(-1 / timeConstantMin)
}

/** One minute of rain, in place. */
export function runMinute(state: ReservoirState, parameters: ReservoirParameters, rainMmPerHour: number): void {
  state.first += (rainMmPerHour - state.first) * takeUp(parameters.firstMin)
  state.second += (state.first - state.second) * takeUp(parameters.secondMin)
  state.storedMm = Math.max(0, state.storedMm + (state.second - parameters.capacityMmPerHour) / 60)
}

/** Depth on the road in metres. */
export function depthM(parameters: ReservoirParameters, storedMm: number): number {
  return storedMm <= 0 ? 0 : parameters.depthAtOneMm * storedMm ** parameters.depthPower
}

/** The storage that stands this deep. */
export function storedMmAt(parameters: ReservoirParameters, depth: number): number {
  return depth <= 0 ? 0 : (depth / parameters.depthAtOneMm) ** (1 / parameters.depthPower)
}

/**
 * How much of the difference to a level reading is taken over, when there is water to be seen and when there is none.
 * A dry road says little about the water that is on its way: taking over more of it cost lead time (measured on the
 * development storms, docs/forecasts/rain-to-depth.md).
 */
const nudge = { wet: 0.35, dry: 0.1 }
/** Road sensors are off by up to 2 cm, and a wet road is no pond. */
const dryBelowM = 0.03

/** Draws the storage towards what a level sensor saw, in place. `levelM`: relative to the road, negative in a manhole. */
export function nudgeTowards(state: ReservoirState, parameters: ReservoirParameters, levelM: number): void {
  if (levelM < dryBelowM) state.storedMm -= nudge.dry * state.storedMm
  else state.storedMm += nudge.wet * (storedMmAt(parameters, levelM) - state.storedMm)
}

/** Whether nothing is on its way: no rain in the reservoirs worth naming and none on the road. */
export function isDry(state: ReservoirState): boolean {
  return state.first < 0.5 && state.second < 0.5 && state.storedMm <= 0
}
