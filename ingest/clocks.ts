/**
 * Clocks that are wrong: which sensors' times cannot be believed, since when and by how much, and the time their
 * readings count at instead. In memory: a wrong clock is noticed again with its next message.
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
}

export interface OffTime {
  readonly sensor: number
  /** As the device says. */
  readonly timeMs: number
  readonly arrivalMs: number
  readonly receivedAtMs: number
}

interface Trouble {
  readonly sinceMs: number
  offsetMs: number
  /** By sensor: what is added to its device's time. */
  readonly shiftMs: Map<number, number>
}

export interface ClockEvents {
  /** Told once when a gateway's clock is first seen to be off, and once when it is right again. */
  readonly onWrong?: (clock: WrongClock) => void
  readonly onMended?: (gateway: string, wasOffMs: number) => void
}

/** How much later than the first a message of the same clock may come without being taken for another jump. */
const jitterMs = 2 * 60_000
/**
 * How far the first message may have been slower than the next ones. Without this room each faster one would shift
 * the clock back, and its readings would take the places of those before them.
 */
const aheadMs = 10_000

export function createClocks({ onWrong, onMended }: ClockEvents = {}): Clocks {
  const troubles = new Map<string, Trouble>()
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
      const trouble: Trouble = known ?? { sinceMs: off.receivedAtMs, offsetMs: 0, shiftMs: new Map() }
      trouble.offsetMs = off.timeMs - off.receivedAtMs
      const atMs = shifted(trouble.shiftMs, off)
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
  }
}

function shifted(shiftMs: Map<number, number>, { sensor, timeMs, arrivalMs, receivedAtMs }: OffTime): number {
  const known = shiftMs.get(sensor)
  if (known !== undefined) {
    const atMs = timeMs + known
    if (atMs <= receivedAtMs + aheadMs && Math.abs(atMs - arrivalMs) <= jitterMs) return atMs
  }
  shiftMs.set(sensor, arrivalMs - timeMs)
  return arrivalMs
}

/** To a tenth of an hour: how a person speaks of a clock that is wrong. */
export function hoursOf(ms: number): number {
  return Math.round(ms / 360_000) / 10
}
