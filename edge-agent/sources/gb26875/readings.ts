/**
 * What a fire transmitter says, as readings of the profile's sensors. Remembers which parts report fire, so that one
 * part going quiet does not clear the fire of another.
 */
import type { SenmlReading } from '@forewarn/contracts/senml'
import {
  analogValue,
  type FireObject,
  type FireUnit,
  stateNames,
  transmitterStateNames,
} from '@forewarn/protocols/gb26875/objects'
import { readingOf } from '../profile-fields.ts'
import type { FireSensor } from './profile.ts'

/** One object with the moment that its reading counts at. */
export interface Dated {
  readonly type: number
  readonly object: FireObject
  readonly atMs: number
}

const fireBit = stateNames.indexOf('fire')
const resetBit = stateNames.indexOf('reset')
/** Operations (type 4): bit 0 is a reset of the panel. */
const resetOperation = 0

export class FireReadings {
  #sensors: readonly FireSensor[]
  #burning = new Set<string>()
  /** Parts and systems that reported fire and have no sensor of their own. */
  unmappedFires = 0

  constructor(sensors: readonly FireSensor[]) {
    this.#sensors = sensors
  }

  read({ type, objects }: FireUnit, dateOf: (object: FireObject) => number): SenmlReading[] {
    return objects.flatMap(object => {
      const dated = { type, object, atMs: dateOf(object) }
      const own = this.#sensors.flatMap(sensor => {
        const raw = rawOf(sensor, dated)
        const reading = raw === undefined ? undefined : readingOf(sensor, raw, dated.atMs)
        return reading === undefined ? [] : [reading]
      })
      if (isFire(dated) && own.length === 0) this.unmappedFires++
      return [...own, ...this.#anyFire(dated)]
    })
  }

  /** What this object changes for "anything burns": nothing, when nothing was known to burn and nothing does. */
  #anyFire(dated: Dated): SenmlReading[] {
    const burnedBefore = this.#burning.size > 0
    const { sysAddr, partAddr } = dated.object
    const key = `${dated.type} ${sysAddr} ${partAddr}`
    const reset = isReset(dated)
    if (dated.object.stateBits === undefined && !reset) return []
    if (isFire(dated)) this.#burning.add(key)
    else if (reset) this.#burning.clear()
    else this.#burning.delete(key)
    const burns = this.#burning.size > 0
    if (!burns && !burnedBefore && !reset) return []
    const sensors = this.#sensors.filter(({ from }) => from === 'any-fire')
    return sensors.map(sensor => readingOf(sensor, burns ? 1 : 0, dated.atMs)).filter(reading => reading !== undefined)
  }
}

/** Fire at a system, a part or the transmitter: the same bit in all three. */
function isFire({ object }: Dated): boolean {
  return object.stateBits?.includes(fireBit) ?? false
}

function isReset({ type, object }: Dated): boolean {
  if (type === 1) return object.stateBits?.includes(resetBit) ?? false
  return type === 4 && (object.opBits?.includes(resetOperation) ?? false)
}

function rawOf(sensor: FireSensor, { type, object }: Dated): number | undefined {
  if (sensor.from === 'any-fire') return undefined
  if (sensor.from === 'transmitter')
    return type === 21 ? stateOf(object, transmitterStateNames.indexOf(sensor.state)) : undefined
  if (object.sysType !== sensor.sysType || object.sysAddr !== sensor.sysAddr) return undefined
  if (sensor.from === 'system') return type === 1 ? stateOf(object, stateNames.indexOf(sensor.state)) : undefined
  if (object.partAddr !== sensor.partAddr) return undefined
  if (sensor.from === 'part') return type === 2 ? stateOf(object, stateNames.indexOf(sensor.state)) : undefined
  if (type !== 3 || object.analogType !== sensor.analogType) return undefined
  return analogValue(object)?.value ?? object.analogRaw
}

function stateOf({ stateBits }: FireObject, bit: number): number | undefined {
  return stateBits === undefined ? undefined : Number(stateBits.includes(bit))
}
