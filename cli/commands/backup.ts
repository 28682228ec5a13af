/**
 * `forewarn backup`: everything the house keeps, in one file.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { takeDataDir } from '@forewarn/deploy/data-dir'
import { liveClock } from '@forewarn/runtime/clock'
import type { Settings } from '@forewarn/runtime/settings'
import { Command } from 'commander'
import { WrongUse } from '../exit-codes.ts'
import { passphraseOf } from '../passphrase.ts'
import { findHouse, type HouseDoor } from '../running-house.ts'
import { settingsOf, withSettingFlags } from '../setting-flags.ts'
import { say, sayJson } from '../terminal.ts'
import { version } from '../version.ts'

export function backupCommand(): Command {
  return withSettingFlags(new Command('backup'))
    .summary('write everything the house keeps into one file')
    .description(
      'Writes journal, store, warnings, rules’ state, ledger and quarantine into one file, of a running house or a stopped one. What was acknowledged before it began is in it.',
    )
    .requiredOption('--out <file>', 'the file to write; it must not exist')
    .option('--passphrase-file <file>', 'seals passwords and keys with the text in this file')
    .option('--without-secrets', 'leaves passwords and keys out: a restored house makes new ones')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  forewarn backup --out forewarn-monday.tar.gz --passphrase-file passphrase.txt')
    .action(backUp)
}

async function backUp(options: Record<string, unknown>): Promise<void> {
  const { writeBackup } = await import('@forewarn/deploy/backup/backup')
  const settings = settingsOf(options)
  const out = resolve(String(options['out']))
  const passphrase = await passphraseOf(options)
  await using source = await sourceOf(settings)
  const manifest = await writeBackup({
    ...source,
    out,
    passphrase,
    registryFile: settings.district,
    elsewhere: elsewhereOf(settings),
    madeAtMs: liveClock().nowMs(),
    version: version(),
  })
  const { entries, ...about } = manifest
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
  if (options['json'] === true) return sayJson({ file: out, files: entries.length, bytes, ...about })
  say(
    `${out}: ${entries.length} files, ${(bytes / 1e6).toFixed(1)} MB before packing, secrets ${secretWords[about.secrets]}`,
  )
  for (const server of about.elsewhere) say(`not in it: ${server}; back it up where it runs`)
}

const secretWords = { sealed: 'sealed with the passphrase', 'left-out': 'left out' } as const

interface Source extends AsyncDisposable {
  readonly dir: string
  readonly wasRunning: boolean
}

/** The folder of a house that does not run, or a copy that a running one makes of itself. */
async function sourceOf({ dataDir }: Settings): Promise<Source> {
  const door = await findHouse(dataDir)
  if (door === undefined) {
    const dir = await takeDataDir(dataDir)
    return { dir, wasRunning: false, async [Symbol.asyncDispose]() {} }
  }
  const beside = await mkdtemp(join(resolve(dataDir), 'backup-'))
  const dir = join(beside, 'copy.snapshot')
  const forget = () => rm(beside, { recursive: true, force: true })
  try {
    await askForCopy(door, dir)
  } catch (error) {
    await forget()
    throw error
  }
  return { dir, wasRunning: true, [Symbol.asyncDispose]: forget }
}

async function askForCopy({ house, secrets }: HouseDoor, dir: string): Promise<void> {
  if (house.innerUrl === undefined) throw new WrongUse('the house that runs is of an older version: restart it first')
  const answer = await fetch(new URL('/snapshot', house.innerUrl), {
    method: 'POST',
    headers: { authorization: `Bearer ${secrets.innerToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ dir }),
  })
  if (!answer.ok) throw new Error(`the house could not copy itself: ${await answer.text()}`)
}

function elsewhereOf({ influxUrl, postgresUrl, redisUrl, journal }: Settings): string[] {
  return [
    ...(influxUrl === undefined ? [] : ['readings in InfluxDB']),
    ...(postgresUrl === undefined ? [] : ['warnings and orders in PostgreSQL']),
    ...(redisUrl === undefined ? [] : ['the queue in Redis']),
    ...(journal === 'redis' ? ['the journal in Redis'] : []),
  ]
}
