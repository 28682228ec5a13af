/**
 * `forewarn doctor`: looks at the machine, the settings and the running house, says what is wrong and how to mend it.
 * Ends with 0 when all is well, 1 when something is not.
 */
import { liveClock } from '@forewarn/runtime/clock'
import { Command } from 'commander'
import { houseSections, type Section } from '../doctor/house-checks.ts'
import { machineChecks } from '../doctor/machine-checks.ts'
import { portChecks, serverChecks } from '../doctor/network-checks.ts'
import { exitCodes } from '../exit-codes.ts'
import { findHouse, type HouseDoor } from '../running-house.ts'
import { settingsOf, withSettingFlags } from '../setting-flags.ts'
import { say, sayJson, table } from '../terminal.ts'

export function doctorCommand(): Command {
  return withSettingFlags(new Command('doctor'))
    .summary('look for trouble and say how to mend it')
    .description(
      'Looks at this machine, the settings, and the house if one runs; says what is wrong and how to mend it.',
    )
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  forewarn doctor --data-dir /var/lib/forewarn')
    .action(doctor)
}

async function doctor(options: Record<string, unknown>): Promise<void> {
  const settings = settingsOf(options)
  const door = await findHouse(settings.dataDir)
  const [machine, ports, servers] = await Promise.all([
    machineChecks({ dataDir: settings.dataDir, clock: liveClock() }),
    portChecks(settings, { houseRuns: door !== undefined }),
    serverChecks(settings),
  ])
  const sections: Section[] = [
    { title: 'this machine', checks: [...machine, ...ports] },
    ...(servers.length > 0 ? [{ title: 'servers', checks: servers }] : []),
    ...(door === undefined ? [] : await houseSections(door)),
  ]
  const statuses = sections.flatMap(({ checks }) => checks.map(({ status }) => status))
  const well = statuses.every(status => status === 'ok')
  if (options['json'] === true) sayJson({ well, house: door?.house ?? null, sections })
  else sayReport({ sections, door, well })
  process.exitCode = well ? exitCodes.ok : exitCodes.trouble
}

const marks = { ok: 'ok', warning: 'LOOK', failed: 'FAILED' } as const

interface Report {
  readonly sections: readonly Section[]
  readonly door: HouseDoor | undefined
  readonly well: boolean
}

function sayReport({ sections, door, well }: Report): void {
  say(door === undefined ? 'no house runs in this data folder' : `a house runs: ${door.house.consoleUrl}`)
  for (const { title, checks } of sections) {
    say(`\n${title}`)
    for (const row of table(checks.map(({ name, status, detail }) => [`  ${marks[status]}`, name, detail]))) say(row)
  }
  const toMend = sections
    .flatMap(({ checks }) => checks)
    .filter(({ status, remedy }) => status !== 'ok' && remedy !== '')
  if (toMend.length > 0) say('\nto mend')
  for (const { name, remedy } of toMend) say(`  ${name}: ${remedy}`)
  say(well ? '\nall well' : '')
}
