/**
 * What was acknowledged, as the senders saw it: the only truth that the store is held against.
 */

export interface Said {
  readonly sensor: string
  readonly timeMs: number
  readonly value: number
}

/** How a sender's readings are found again in the store. */
export type Finding =
  /** At the time that was said, once. */
  | 'by-time'
  /** By their value, which no other reading of the sensor has: the clock was off and the time was not believed. */
  | 'by-value'

export interface Acknowledgement {
  readonly finding: Finding
  /** Who said so: the broker by its PUBACK, or an agent by its 204. */
  readonly by: 'broker' | 'agent'
}

export interface Account {
  /** Everything about to be said; it may arrive whether or not it is acknowledged. */
  offered(readings: readonly Said[]): void
  acknowledged(readings: readonly Said[], how: Acknowledgement): void
  readonly acknowledgedReadings: number
  /** By sensor: value by time. */
  readonly byTime: ReadonlyMap<string, ReadonlyMap<number, number>>
  readonly byValue: ReadonlyMap<string, ReadonlySet<number>>
  /** Every value that was ever offered, by sensor. */
  readonly values: ReadonlyMap<string, ReadonlySet<number>>
  /** Resolves at the next acknowledgement by the broker. */
  nextPuback(): Promise<void>
}

export function openAccount(): Account {
  const byTime = new Map<string, Map<number, number>>()
  const byValue = new Map<string, Set<number>>()
  const values = new Map<string, Set<number>>()
  let count = 0
  let waiting: (() => void)[] = []
  return {
    byTime,
    byValue,
    values,
    get acknowledgedReadings() {
      return count
    },
    offered(readings) {
      for (const { sensor, value } of readings) ofSensor(values, sensor, () => new Set()).add(value)
    },
    acknowledged(readings, { finding, by }) {
      for (const { sensor, timeMs, value } of readings) {
        if (finding === 'by-value') ofSensor(byValue, sensor, () => new Set()).add(value)
        else ofSensor(byTime, sensor, () => new Map()).set(timeMs, value)
      }
      count += readings.length
      if (by === 'agent') return
      const told = waiting
      waiting = []
      for (const tell of told) tell()
    },
    nextPuback: () => new Promise(resolve => waiting.push(resolve)),
  }
}

function ofSensor<T>(map: Map<string, T>, sensor: string, make: () => T): T {
  const there = map.get(sensor)
  if (there !== undefined) return there
  const made = make()
  map.set(sensor, made)
  return made
}
