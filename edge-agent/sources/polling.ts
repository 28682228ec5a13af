/**
 * Asking the devices of one line in turn, each in its own period. Who does not answer is asked less and less often,
 * so that a dead device costs its neighbours on the same wire little; on another line it costs them nothing.
 */
import type { Clock } from '@forewarn/runtime/clock'

export interface PolledDevice {
  readonly name: string
  readonly everyMs: number
  /** The sensors it speaks for: the house may want some of them more often. */
  readonly sensors: readonly string[]
  /** Resolves with what is the matter, in a sentence; undefined when it answered. Never rejects. */
  ask(): Promise<string | undefined>
}

export interface Polling {
  /** By name of device: what was the matter when it was last asked. */
  troubles(): ReadonlyMap<string, string>
  /** Whether every device has been asked at least once. */
  readonly askedAll: boolean
  /** As `Source.pace`. */
  pace(periodMsBySensor: ReadonlyMap<string, number>): void
  /** Asks nobody any more; the question under way is finished first. */
  stop(): Promise<void>
}

/** A device that is gone is asked at least this often, unless its own period is longer. */
const longestBackOffMs = 5 * 60_000

interface Turn {
  readonly device: PolledDevice
  everyMs: number
  /** When it was last asked; before that, when it was first due. */
  askedAtMs: number
  dueAtMs: number
  failures: number
  asked: boolean
}

/** Starts at once with the first device. */
export function startPolling(devices: readonly PolledDevice[], clock: Clock): Polling {
  return new LinePolling(devices, clock)
}

class LinePolling implements Polling {
  #turns: Turn[]
  #clock: Clock
  #troubles = new Map<string, string>()
  #cancel: (() => void) | undefined
  #asking: Promise<void> | undefined
  #stopped = false

  constructor(devices: readonly PolledDevice[], clock: Clock) {
    this.#clock = clock
    const nowMs = clock.nowMs()
    this.#turns = devices.map(device => {
      return { device, everyMs: device.everyMs, askedAtMs: nowMs, dueAtMs: nowMs, failures: 0, asked: false }
    })
    this.#next()
  }

  get askedAll(): boolean {
    return this.#turns.every(({ asked }) => asked)
  }

  troubles(): ReadonlyMap<string, string> {
    return this.#troubles
  }

  pace(periodMsBySensor: ReadonlyMap<string, number>): void {
    for (const turn of this.#turns) {
      const wanted = turn.device.sensors.map(sensor => periodMsBySensor.get(sensor)).filter(ms => ms !== undefined)
      turn.everyMs = wanted.length === 0 ? turn.device.everyMs : Math.min(...wanted)
      // Who is asked in vain keeps its back-off: storm mode must not wear out a line with dead devices.
      if (turn.failures === 0 && turn.asked) turn.dueAtMs = turn.askedAtMs + turn.everyMs
    }
    if (this.#asking === undefined) this.#next()
  }

  #next(): void {
    this.#cancel?.()
    if (this.#stopped) return
    const [first] = this.#turns.toSorted((a, b) => a.dueAtMs - b.dueAtMs)
    if (first === undefined) return
    this.#cancel = this.#clock.after(first.dueAtMs - this.#clock.nowMs(), () => {
      this.#asking = this.#ask(first).finally(() => {
        this.#asking = undefined
        this.#next()
      })
    })
  }

  async #ask(turn: Turn): Promise<void> {
    const { device } = turn
    turn.askedAtMs = this.#clock.nowMs()
    const trouble = await device.ask()
    turn.asked = true
    turn.failures = trouble === undefined ? 0 : turn.failures + 1
    if (trouble === undefined) this.#troubles.delete(device.name)
    else this.#troubles.set(device.name, trouble)
    const nowMs = this.#clock.nowMs()
    const backOffMs = Math.min(turn.everyMs * 2 ** Math.min(turn.failures - 1, 16), longestBackOffMs)
    if (trouble !== undefined) turn.dueAtMs = nowMs + Math.max(turn.everyMs, backOffMs)
    // In step with its period; a turn that was missed is not made up for.
    else turn.dueAtMs = Math.max(turn.dueAtMs + turn.everyMs, nowMs)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#asking
  }
}
