/**
 * Plain JSON and bare values, by a mapping that an engineer wrote (protocols/json-mapping): for devices whose topics
 * and payloads are their maker's own. A mapping goes before the formats that come with the house.
 */
import { readFileSync } from 'node:fs'
import { mapPayload } from '@forewarn/protocols/json-mapping/map-payload'
import { type Mapping, parseMappings } from '@forewarn/protocols/json-mapping/mapping'
import { jsonOf } from '@forewarn/protocols/json-text'
import type { TakeValues } from './device-values.ts'
import { type Format, heard, refused } from './format.ts'
import type { ForeignFormat } from './table.ts'

export type { Mapping } from '@forewarn/protocols/json-mapping/mapping'

/** The mappings of a file. Returns what is wrong with it instead, one sentence a finding. Throws when it cannot be read. */
export function readMappings(file: string): Mapping[] | string {
  const read = parseMappings(readFileSync(file, 'utf8'))
  if (Array.isArray(read)) return read
  return read.faults.map(({ line, field, message }) => `${file}:${line}: ${field} ${message}`).join('\n')
}

/** A format for each mapping of plain JSON. */
export function mappedFormats(mappings: readonly Mapping[], take: TakeValues): ForeignFormat[] {
  return mappings.map(mapping => ({
    name: mapping.name,
    filter: mapping.topic.filter,
    read: mappedFormat(mapping, take),
  }))
}

function mappedFormat(mapping: Mapping, take: TakeValues): Format {
  return ({ topic, payload, receivedAtMs }, arrival) => {
    // An empty retained message clears what was retained.
    if (payload.length === 0) return heard
    const json = jsonOf(payload)
    const said = json === undefined ? Buffer.from(payload).toString() : json
    const mapped = mapPayload(topic, said, mapping, receivedAtMs)
    if (mapped === undefined) return refused('unknown-topic', `${topic} is no topic of the mapping ${mapping.name}`)
    const { readings, faults } = mapped
    if (readings.length === 0) return refused('bad-payload', faults.join('; '))
    const values = readings.map(({ sensor, value, unit, measuredAtMs, quality }) => ({
      names: [sensor],
      value: quality === 'missing' ? null : value,
      timeMs: measuredAtMs,
      unit,
    }))
    return take({ values, faults }, arrival)
  }
}
