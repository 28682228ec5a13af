import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openIngest, startMs } from '../open-ingest.ts'
import { type Mapping, readMappings } from './mapped.ts'

const yaml = `
mappings:
  - name: road station
    topic: stations/{station}/data
    time: { path: $.ts, format: iso, zone: Asia/Shanghai }
    values:
      - { path: $.water, sensor: depth-1, unit: m, scale: 0.01, missing: [65535] }
      - { path: $.rain, sensor: gauge-1, unit: mm }
  - name: bare
    topic: depth/{sensor}
    values:
      - { path: $, sensor: "{sensor}" }
`

let dir = ''
let mappings: Mapping[] = []
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mapping-'))
  await writeFile(join(dir, 'mapping.yaml'), yaml)
  const read = readMappings(join(dir, 'mapping.yaml'))
  if (typeof read === 'string') throw new Error(read)
  mappings = read
})
afterAll(() => rm(dir, { recursive: true }))

test('a maker’s own JSON and bare values are read by the mapping', async () => {
  await using house = await openIngest({ mappings })
  await house.say('stations/s7/data', { ts: '2026-07-20 22:59:00', water: 27, rain: '0.4' })
  await house.say('stations/s7/data', { ts: '2026-07-20T22:58:00', water: 65_535 })
  await house.say('depth/depth-1', '0.31')
  await house.say('depth/depth-1', 'true')
  expect(
    (await house.rows()).map(({ sensor, value, measuredAtMs, quality }) => [
      sensor,
      value,
      measuredAtMs - startMs,
      quality,
    ]),
  ).toEqual([
    ['depth-1', 0.27, -60_000, 0],
    ['gauge-1', 0.4, -60_000, 0],
    ['depth-1', Number.NaN, -120_000, 2],
    ['depth-1', 0.31, 0, 0],
    ['depth-1', 1, 0, 0],
  ])
})

test('what a mapping cannot read is kept aside, also beside what it can', async () => {
  await using house = await openIngest({ mappings })
  await house.say('depth/depth-1', 'deep')
  await house.say('depth/depth-2', '0.3')
  await house.say('depth/depth-9', '0.3')
  await house.say('stations/s7/data', { water: 27, rain: 'much' })
  await house.say('depth/depth-1', '')
  expect((await house.quarantine()).newest.map(({ reason }) => reason)).toEqual([
    'bad-payload',
    'unknown-sensor',
    'wrong-gateway',
    'bad-payload',
  ])
  expect(await house.rows()).toMatchObject([{ sensor: 'depth-1', value: 0.27 }])
})

test('what is wrong in a mapping file is said with its line', async () => {
  const file = join(dir, 'wrong.yaml')
  await writeFile(file, 'mappings:\n  - name: x\n    topic: a/#/b\n    values: [{ path: $, sensor: y }]\n')
  expect(readMappings(file)).toContain('wrong.yaml:3')
})
