/**
 * What goes wrong, in which order: drawn from a seed, so that a run that found something can be had again.
 */
import { type Chance, chanceOf } from '@forewarn/simulators/chance'

/** Who can be killed. `all` is everything at once, as when the machine's power goes. */
export const victims = ['house', 'agent', 'store', 'queue', 'database', 'all'] as const
export type Victim = (typeof victims)[number]

export type Fault =
  | { readonly kind: 'kill'; readonly victim: Victim; readonly downMs: number }
  /** The store is away for long; everything else goes on. */
  | { readonly kind: 'store-down'; readonly forMs: number }
  /** Nothing can be written in the house's data folder. */
  | { readonly kind: 'disk-full'; readonly forMs: number }
  /** The agents' uplink is cut. */
  | { readonly kind: 'network-cut'; readonly forMs: number }
  /** The house stands still, as a machine that swaps or a debugger does to it. */
  | { readonly kind: 'frozen'; readonly forMs: number }
export type FaultKind = Fault['kind']

export interface PlannedFault {
  /** Nothing goes wrong for so long before it, ms. */
  readonly afterMs: number
  readonly fault: Fault
}

export interface PlanOptions {
  readonly seed: number
  /** kill -9s among the faults; the others come on top. */
  readonly kills: number
  /** How long the store stays away when it goes for long, ms. */
  readonly storeDownMs: number
  /** Who there is to kill; store, queue and database only where they are servers of their own. */
  readonly victims: readonly Victim[]
  readonly kinds: readonly Exclude<FaultKind, 'kill'>[]
}

/** Draws the plan. Each kind that is not a kill comes once for every ten kills, and at least once. */
export function planOf({ seed, kills, storeDownMs, victims: there, kinds }: PlanOptions): PlannedFault[] {
  const chance = chanceOf(seed, 'chaos')
  const killed = Array.from({ length: kills }, (): Fault => {
    return { kind: 'kill', victim: chance.pick(there), downMs: between(chance, 0, 400) }
  })
  const others = kinds.flatMap(kind =>
    Array.from({ length: Math.max(1, Math.floor(kills / 10)) }, (_, time): Fault => {
      if (kind === 'store-down') return { kind, forMs: time === 0 ? storeDownMs : between(chance, 1000, 5000) }
      return { kind, forMs: between(chance, 500, 4000) }
    }),
  )
  return chance
    .shuffled([...killed, ...others])
    .map(fault => ({ fault, afterMs: between(chance, 100, isHarsh(fault) ? 6000 : 1500) }))
}

/** What takes longer to get over is given more time before it, so that the house is met at every stage of its life. */
function isHarsh(fault: Fault): boolean {
  return fault.kind === 'kill' && fault.victim !== 'agent'
}

function between(chance: Chance, least: number, most: number): number {
  return Math.round(least + chance.next() * (most - least))
}

/** A fault in a few words. */
export function named(fault: Fault): string {
  return fault.kind === 'kill' ? `kill -9 ${fault.victim}` : `${fault.kind} ${(fault.forMs / 1000).toFixed(1)} s`
}
