/**
 * Clocks that are wrong: which sensors' times cannot be believed, since when and by how much, and the time their
 * readings count at instead.
 */
export interface WrongClock {
  readonly gateway: string
  /** The device's clock less the house's, ms: negative when it is behind. Of the last reading that was off. */
  readonly offsetMs: number
  readonly sinceMs: number
  /** Sensors of the gateway that are off now. */
  readonly sensors: number
}

export interface Clocks {
  /**
   * The time a reading counts at whose own time cannot be believed. `arrivalMs` is what it would be by its arrival
   * alone; a clock that is off by a constant keeps its own pace, so that a repeat is the same reading.
   */
  replaced(gateway: string, off: OffTime): number
  /** Whether any sensor of this gateway was off when it last spoke. */
  isWrong(gateway: string): boolean
  /** A sensor of the gateway gave a time that can be believed. */
  credible(gateway: string, sensor: number, atMs: number): void
  /** Those that are off now, the worst first. */
  wrong(): WrongClock[]
  /** When the last sensor of the gateway that was off had its time right again, UTC ms. */
  mendedAtMs(gateway: string): number | undefined
  /**
   * Resolves once every shift that a clock was given is kept; undefined when all of them are. Who acknowledges before
   * it would give the same readings other times after a crash, and they would take the places of others.
   */
  kept(): Promise<void> | undefined
}

export interface OffTime {
  readonly sensor: number
  /** As the device says. */
  readonly timeMs: number
  readonly arrivalMs: number
  readonly receivedAtMs: number
}

export interface Trouble {
  readonly sinceMs: number
  offsetMs: number
  /** By sensor: what is added to its device's time. */
  readonly shiftMs: Map<number, number>
  /** By sensor: the latest time that was given out. No shift may go back before it: those places are taken. */
  readonly newestMs: Map<number, number>
}

/** By gateway. */
export type Troubles = Map<string, Trouble>

export interface ClockEvents {
  /** Told once when a gateway's clock is first seen to be off, and once when it is right again. */
  readonly onWrong?: (clock: WrongClock) => void
  readonly onMended?: (gateway: string, wasOffMs: number) => void
}

export interface ClocksOptions extends ClockEvents {
  /** As an earlier life left them. */
  readonly troubles?: Troubles
  /** Keeps them for a later life. */
  readonly keep?: (troubles: Troubles) => Promise<void>
}

/** How much later than the first a message of the same clock may come without being taken for another jump. */
const jitterMs = 2 * 60_000
/**
 * How far the first message may have been slower than the next ones. Without this room each faster one would shift
 * the clock back, and its readings would take the places of those before them.
 */
const aheadMs = 10_000

/** Begins with the clocks that were wrong before, and keeps what changes. */
export function createClocks({ onWrong, onMended, troubles = new Map(), keep }: ClocksOptions = {}): Clocks {
  const keeper = inTurn(async () => await keep?.(troubles))
  let isNew = false
  const mended = new Map<string, number>()
  const shown = (gateway: string, { sinceMs, offsetMs, shiftMs }: Trouble): WrongClock => ({
    gateway,
    offsetMs,
    sinceMs,
    sensors: shiftMs.size,
  })
  return {
    replaced(gateway, off) {
      const known = troubles.get(gateway)
      const trouble: Trouble = known ?? {
        sinceMs: off.receivedAtMs,
        offsetMs: 0,
        shiftMs: new Map(),
        newestMs: new Map(),
      }
      trouble.offsetMs = off.timeMs - off.receivedAtMs
      const { atMs, isShifted } = shifted(trouble, off)
      isNew ||= isShifted
      if (known === undefined) {
        troubles.set(gateway, trouble)
        onWrong?.(shown(gateway, trouble))
      }
      return atMs
    },
    isWrong: gateway => troubles.has(gateway),
    credible(gateway, sensor, atMs) {
      const trouble = troubles.get(gateway)
      if (trouble === undefined || !trouble.shiftMs.delete(sensor) || trouble.shiftMs.size > 0) return
      troubles.delete(gateway)
      mended.set(gateway, atMs)
      onMended?.(gateway, trouble.offsetMs)
    },
    wrong: () =>
      [...troubles]
        .map(([gateway, trouble]) => shown(gateway, trouble))
        .sort((a, b) => Math.abs(b.offsetMs) - Math.abs(a.offsetMs)),
    mendedAtMs: gateway => mended.get(gateway),
    kept() {
      if (isNew) keeper.ask()
      isNew = false
      return keeper.answered()
    },
  }
}

/** One deed at a time; whoever asks while one is under way waits for the one after it. */
function inTurn(deed: () => Promise<void>) {
  let current: Promise<void> | undefined
  let next: Promise<void> | undefined
  const begin = () => {
    const begun: Promise<void> = deed().finally(() => {
      if (current === begun) current = undefined
    })
    current = begun
    return begun
  }
  return {
    ask() {
      if (current === undefined) return void begin()
      next ??= current
        .catch(() => undefined) // told to those who waited for it
        .then(() => {
          next = undefined
          return begin()
        })
    },
    /** Of all that was asked so far; undefined when nothing is under way. */
    answered: () => next ?? current,
  }
}

function shifted({ shiftMs, newestMs }: Trouble, { sensor, timeMs, arrivalMs, receivedAtMs }: OffTime) {
  const known = shiftMs.get(sensor)
  const newest = newestMs.get(sensor) ?? Number.NEGATIVE_INFINITY
  if (known !== undefined) {
    const atMs = timeMs + known
    if (atMs <= receivedAtMs + aheadMs && Math.abs(atMs - arrivalMs) <= jitterMs) {
      newestMs.set(sensor, Math.max(newest, atMs))
      return { atMs, isShifted: false }
    }
  }
  const atMs = Math.max(arrivalMs, newest + 1)
  newestMs.set(sensor, atMs)
  shiftMs.set(sensor, atMs - timeMs)
  return { atMs, isShifted: true }
}

/** To a tenth of an hour: how a person speaks of a clock that is wrong. */
export function hoursOf(ms: number): number {
  return Math.round(ms / 360_000) / 10
}
