/**
 * From the names in payloads to sensors. Each gateway has its own small dictionary: looking names up in one of half
 * a million costs more than all the rest of the intake.
 */
import type { District } from '@forewarn/contracts/district'
import { quantities } from '@forewarn/contracts/quantity'
import { NameTable } from './name-table.ts'

export interface SensorFacts {
  /** UCUM code of the sensor's quantity. */
  readonly unit: string
  /** Smallest and largest value that can be a measurement at all. */
  readonly min: number
  readonly max: number
}

export interface KnownGateway {
  /** Index in `District.gateways`. */
  readonly index: number
  /** Index in `District.sensors`, by the names the gateway may use: the sensor's id, or one of its aliases. */
  readonly sensors: ReadonlyMap<string, number>
  /** The same for names as bytes; made when the gateway first speaks. */
  table(): NameTable
  /** The shortest period of its sensors, ms; undefined when it has none. */
  readonly periodMs: number | undefined
}

export interface SensorNames {
  gateway(id: string): KnownGateway | undefined
  /** By index in `District.sensors`. */
  readonly facts: readonly SensorFacts[]
  /** Id of the sensor at an index in `District.sensors`. */
  idOf(sensor: number): string
  /** The gateway that a sensor belongs to: only to say why a name was refused. */
  ownerOf(sensorId: string): string | undefined
}

class Known implements KnownGateway {
  readonly index: number
  readonly sensors = new Map<string, number>()
  periodMs: number | undefined
  #table: NameTable | undefined

  constructor(index: number) {
    this.index = index
  }

  table(): NameTable {
    this.#table ??= new NameTable(this.sensors)
    return this.#table
  }
}

/** Names and aliases of the registry, by gateway. An id is never taken by an alias. */
export function sensorNames({ gateways, sensors }: District): SensorNames {
  const known = new Map(gateways.map(({ id }, index) => [id, new Known(index)]))
  const byAlias: [Map<string, number>, string, number][] = []
  for (const [index, { id, gateway, periodS, aliases = [] }] of sensors.entries()) {
    const owner = known.get(gateway)
    if (owner === undefined) continue
    owner.sensors.set(id, index)
    for (const alias of aliases) byAlias.push([owner.sensors, alias, index])
    owner.periodMs = Math.min(owner.periodMs ?? Number.POSITIVE_INFINITY, periodS * 1000)
  }
  // An id is never taken away by somebody else's alias.
  for (const [names, alias, index] of byAlias) if (!names.has(alias)) names.set(alias, index)
  // Half a million entries that a district without strangers never needs.
  let owners: Map<string, string> | undefined
  return {
    gateway: id => known.get(id),
    facts: sensors.map(({ quantity }) => quantities[quantity]),
    idOf: sensor => sensors[sensor]?.id ?? '',
    ownerOf(sensorId) {
      owners ??= new Map(
        sensors.flatMap(({ id, gateway, aliases = [] }) =>
          [id, ...aliases].map((name): [string, string] => [name, gateway]),
        ),
      )
      return owners.get(sensorId)
    },
  }
}

/** SenML's names (RFC 8428 §12.1) for units that UCUM writes otherwise. */
const senmlUnits = new Map([
  ['%RH', '%'],
  ['/', '1'],
  ['count', '1'],
  ['degC', 'Cel'],
  ['°C', 'Cel'],
  ['µg/m3', 'ug/m3'],
  ['dBA', 'dB'],
])

/** Whether a unit in a payload means the unit of the quantity. Values are not converted: a wrong guess is a wrong warning. */
export function isSameUnit(said: string, unit: string): boolean {
  return said === unit || senmlUnits.get(said) === unit
}
