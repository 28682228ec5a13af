/**
 * `forewarn export`: what is kept of sensors in a time, as a file for other programs.
 */
import { join, resolve } from 'node:path'
import type { District } from '@forewarn/contracts/district'
import { serversOf } from '@forewarn/deploy/district-servers'
import type { Settings } from '@forewarn/runtime/settings'
import { type ExportFormat, exportFormats } from '@forewarn/store/export-rows'
import type { ReadingStore } from '@forewarn/store/reading-store'
import { Command, Option } from 'commander'
import { z } from 'zod'
import { districtFor } from '../district.ts'
import { WrongUse } from '../exit-codes.ts'
import { findHouse, type HouseDoor } from '../running-house.ts'
import { settingsOf, withSettingFlags } from '../setting-flags.ts'
import { say, sayJson } from '../terminal.ts'

const Which = z.object({ sensor: z.string().optional(), place: z.string().optional() })

export function exportCommand(): Command {
  return withSettingFlags(new Command('export'))
    .summary('write readings into a file for other programs')
    .description(
      'Writes what is kept of one sensor, of a place, or of all sensors, as line protocol, CSV or Parquet. Where readings were deleted, their hourly figures.',
    )
    .requiredOption('--from <time>', 'first moment, ISO 8601 (2026-07-20 or 2026-07-20T15:00:00Z)')
    .requiredOption('--to <time>', 'end, not included')
    .requiredOption('--out <file>', 'the file to write; it must not exist')
    .option('--sensor <id>', 'one sensor')
    .option('--place <id>', 'the sensors of one place')
    .addOption(new Option('--format <format>', 'how').choices([...exportFormats]).default('csv'))
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  forewarn export --from 2026-07-20 --to 2026-07-21 --format parquet --out july-20.parquet',
    )
    .action(exportInto)
}

async function exportInto(options: Record<string, unknown>): Promise<void> {
  const { exportReadings } = await import('@forewarn/store/export')
  const settings = settingsOf(options)
  const district = await districtFor(settings)
  const time = { fromMs: timeOf(options, 'from'), toMs: timeOf(options, 'to') }
  if (time.fromMs >= time.toMs) throw new WrongUse('--from must lie before --to')
  const sensors = sensorsFor(district, options)
  const out = resolve(String(options['out']))
  await using source = await sourceOf(settings, district)
  const points = await exportReadings({ range: source.range, sensors, time, format: formatOf(options), out })
  if (options['json'] === true) return sayJson({ file: out, sensors: sensors.length, points })
  say(`${out}: ${points} points of ${sensors.length} sensors`)
}

function formatOf(options: Record<string, unknown>): ExportFormat {
  return exportFormats.find(format => format === options['format']) ?? 'csv'
}

function timeOf(options: Record<string, unknown>, name: 'from' | 'to'): number {
  const atMs = Date.parse(String(options[name]))
  if (Number.isNaN(atMs))
    throw new WrongUse(`--${name} ${String(options[name])}: not a time; write 2026-07-20T15:00:00Z`)
  return atMs
}

function sensorsFor({ sensors, places }: District, options: Record<string, unknown>) {
  const { sensor, place } = Which.parse(options)
  if (place !== undefined && !places.some(({ id }) => id === place)) throw new WrongUse(`there is no place ${place}`)
  const wanted = sensors
    .map(({ id, periodS, place: at }, index) => ({ index, id, periodS, at }))
    .filter(one => (sensor === undefined || one.id === sensor) && (place === undefined || one.at === place))
  if (wanted.length === 0) throw new WrongUse('there is no such sensor: look into the district file')
  return wanted
}

interface Source extends AsyncDisposable {
  readonly range: ReadingStore['range']
}

/** The running house, which has its embedded store open; otherwise the store itself. */
async function sourceOf(settings: Settings, { sensors }: District): Promise<Source> {
  const { influx } = serversOf(settings)
  const door = influx === undefined ? await findHouse(settings.dataDir) : undefined
  if (door !== undefined) return { range: await rangeThrough(door, sensors), async [Symbol.asyncDispose]() {} }
  const store = await openStore(settings, sensors)
  return { range: request => store.range(request), [Symbol.asyncDispose]: () => store.close() }
}

async function openStore(settings: Settings, sensors: District['sensors']): Promise<ReadingStore> {
  const { influx } = serversOf(settings)
  if (influx !== undefined)
    return await (await import('@forewarn/store/influx/influx')).openInfluxStore({ ...influx, sensors })
  const { openEmbeddedStore } = await import('@forewarn/store/embedded')
  return await openEmbeddedStore({ dir: join(settings.dataDir, 'store'), sensors })
}

async function rangeThrough(
  { house, secrets }: HouseDoor,
  sensors: District['sensors'],
): Promise<ReadingStore['range']> {
  const { innerUrl } = house
  if (innerUrl === undefined) throw new WrongUse('the house that runs is of an older version: restart it first')
  const { pointsIn } = await import('@forewarn/deploy/house-door')
  const headers = { authorization: `Bearer ${secrets.innerToken}` }
  return async ({ sensor, fromMs, toMs }) => {
    const query = new URLSearchParams({ sensor: sensors[sensor]?.id ?? '', fromMs: String(fromMs), toMs: String(toMs) })
    const answer = await asked(new URL(`/points?${query}`, innerUrl), headers)
    if (!answer.ok) throw new Error(`the house answered ${answer.status}: ${await answer.text()}`)
    return pointsIn(await answer.json())
  }
}

const tries = 3

/** Thousands of questions in a row: one whose connection breaks is asked again, which changes nothing. */
async function asked(url: URL, headers: Record<string, string>): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetch(url, { headers })
    } catch (cause) {
      if (attempt === tries) throw new Error('the house does not answer', { cause })
    }
  }
}
