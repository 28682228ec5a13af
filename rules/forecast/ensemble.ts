/**
 * What the rain may do next: a fixed family of futures (how strong, how long) drawn once from a seed. The same
 * members are used every minute and everywhere, so that a probability changes because the rain did, not the dice.
 */

import { probit } from 'simple-statistics'

export interface EnsembleShape {
  readonly seed: number
  readonly members: number
  /** Spread of the strength once it has had time to change: standard deviation of its logarithm. */
  readonly sigma: number
  /** Shortest and longest time that rain of the reference intensity goes on before it decays, minutes. */
  readonly shortestMin: number
  readonly longestMin: number
  /** Time constant of the decay afterwards, minutes. */
  readonly decayMin: number
  /** Heavier rain is over sooner: time runs faster by (intensity / reference) to this power. */
  readonly haste: number
  readonly referenceMmPerHour: number
}

/** Chosen on the development storms; see docs/forecasts/rain-to-depth.md. */
export const defaultShape: EnsembleShape = {
  seed: 20_240_919,
  members: 60,
  sigma: 0.7,
  shortestMin: 3,
  longestMin: 40,
  decayMin: 10,
  haste: 0.8,
  referenceMmPerHour: 35,
}

export const horizonMin = 120

/** Rain of every member at every minute ahead, as a factor of the rain now. Row by row. */
export interface Ensemble {
  readonly members: number
  readonly factor: Float64Array
  readonly shape: EnsembleShape
}

/** How fast a member's minutes pass at this intensity: 1 at the reference, more when it pours. */
export function paceAt({ haste, referenceMmPerHour }: EnsembleShape, rainMmPerHour: number): number {
  return Math.min(3, Math.max(0.5, (rainMmPerHour / referenceMmPerHour) ** haste))
}

/** A small seeded generator of numbers in [0, 1): mulberry32 (public domain, T. Ettinger). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Draws the futures. Strengths and durations are stratified, which makes sixty members as good as some hundreds. */
export function drawEnsemble(shape: EnsembleShape): Ensemble {
  const random = seededRandom(shape.seed)
  const order = shuffled(shape.members, random)
  const factor = new Float64Array(shape.members * horizonMin)
  for (let member = 0; member < shape.members; member++) {
    const strength = shape.sigma * probit((member + 0.5) / shape.members)
    const place = ((order[member] ?? 0) + 0.5) / shape.members
    const lastsMin = shape.shortestMin * (shape.longestMin / shape.shortestMin) ** place
    for (let minute = 0; minute < horizonMin; minute++) {
      const over = Math.max(0, minute - lastsMin)
      // Rain does not jump to its new strength: half of the spread is there from the start, all after a quarter hour.
      const changed = Math.min(1, 0.5 + minute / 30)
      factor[member * horizonMin + minute] = Math.exp(strength * changed - over / shape.decayMin)
    }
  }
  return { members: shape.members, factor, shape }
}

function shuffled(length: number, random: () => number): number[] {
  const order = Array.from({ length }, (_, index) => index)
  for (let last = length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const kept = order[last] ?? 0
    order[last] = order[other] ?? 0
    order[other] = kept
  }
  return order
}
