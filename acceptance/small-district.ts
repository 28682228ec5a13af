/**
 * A district small enough to see through: a row of roads, each with one level sensor and a dry spot beside it, two
 * field gateways and two pump trucks. For houses that are started as a process of their own.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { District, Place, Sensor, Unit } from '@forewarn/contracts/district'
import type { Position } from '@forewarn/contracts/geography'

const position: Position = { lon: 121.45, lat: 31.23, crs: 'WGS-84' }
const text = (words: string) => ({ zh: words, en: words })

export interface SmallDistrictOptions {
  /** Road ids by field gateway: `road-1` has the sensor `road-1.depth`. */
  readonly roads: Readonly<Record<string, readonly string[]>>
  /** How often each sensor is expected to speak. */
  readonly periodS: number
}

/** The district `small`. Every field gateway carries the sensors of its roads; `truck-1` and `truck-2` stand by. */
export function smallDistrict({ roads, periodS }: SmallDistrictOptions): District {
  const trucks = ['truck-1', 'truck-2']
  const fields = Object.keys(roads).map(id => ({ id, kind: 'field' as const }))
  const all = Object.entries(roads).flatMap(([gateway, ids]) => ids.map(id => ({ id, gateway })))
  return {
    id: 'small',
    name: text('small'),
    timeZone: 'Asia/Shanghai',
    gateways: [...fields, ...trucks.map(id => ({ id: `gw-${id}`, kind: 'vehicle' as const }))],
    sensors: all.map(
      ({ id, gateway }): Sensor => ({
        id: depthOf(id),
        quantity: 'water_depth',
        gateway,
        place: id,
        position,
        periodS,
      }),
    ),
    places: all.map(
      ({ id }): Place => ({
        id,
        kind: 'low-road',
        name: text(id),
        position,
        limits: { flooded: 0.15 },
        stagingPoints: [{ id: `${id}-dry`, name: text(`${id}-dry`), position }],
      }),
    ),
    units: trucks.map(
      (id): Unit => ({
        id,
        kind: 'pump-truck',
        name: text(id),
        gateway: `gw-${id}`,
        capacityM3PerHour: 1000,
        crew: 3,
        base: position,
      }),
    ),
  }
}

export function depthOf(roadId: string): string {
  return `${roadId}.depth`
}

/** Water on a road is a yellow warning at once, and a road that is not heard of for three periods is unknown. */
export const floodRule = `rule: flood
title: { zh: 道路积水, en: Standing water on the road }
hazard: waterlogging
watch: water_depth
levels:
  yellow: value >= place.limit.flooded
clear: { when: value < 0.05, hold: 1 min }
silent: 3 periods
plan: pump-truck
outcome: { watch: water_depth, when: value >= place.limit.flooded, hold: 2 min }
stories:
  - name: water is a warning
    every: 1 min
    readings: { water_depth: [0.01, 0.2] }
    expect: { 0: none, 1: yellow }
`

/** Writes what `--district` and `--rules-dir` name into `dir`. */
export async function writeSmallHouse(
  dir: string,
  { district, rules }: { district: District; rules: Readonly<Record<string, string>> },
): Promise<{ districtFile: string; rulesDir: string }> {
  const rulesDir = join(dir, 'rules-of-the-test')
  const districtFile = join(dir, 'district.json')
  await mkdir(rulesDir)
  await writeFile(districtFile, JSON.stringify({ district }))
  for (const [name, rule] of Object.entries(rules)) await writeFile(join(rulesDir, `${name}.yaml`), rule)
  return { districtFile, rulesDir }
}
