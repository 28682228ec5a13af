/**
 * A running house copied into a folder, so that a house started on the copy has everything that was acknowledged
 * before the copy began. The order is the proof: positions first, then what they speak of, the journal last.
 *
 * - Consumers' positions come first: a reader that goes on from an older one repeats itself, which changes nothing.
 * - The rules' state comes before the alerts' database: an event decided again is known by its id; one that the
 *   rules believe told and the alerts never heard would be lost.
 * - The ledger comes before what it counts, the store after it.
 * - The journal's segments come last: they hold everything that the copied positions still need.
 */
import { existsSync } from 'node:fs'
import { constants, copyFile, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ReadingJournal } from '@forewarn/journal/reading-journal'
import type { EmbeddedPostgres } from '@forewarn/runtime/embedded-postgres'
import { isMissing } from '@forewarn/runtime/kept-file'
import type { ReadingStore } from '@forewarn/store/reading-store'

export interface HouseToCopy {
  readonly dataDir: string
  readonly journal: ReadingJournal
  readonly store: ReadingStore
  /** Undefined when the database is a server. */
  readonly postgres: Pick<EmbeddedPostgres, 'copyTo'> | undefined
}

/** Holds the journal while it is copied; forgotten afterwards, and at every start of a house. */
export const backupConsumer = 'backup'

/** Everything of the data folder that is copied by itself, in an order of its own, or not at all. */
const apart: ReadonlySet<string> = new Set(['journal', 'store', 'postgres', 'rules', 'ingest', 'logs', 'house.json'])

/** Whether a name in the data folder belongs into a backup. */
export function isKept(name: string): boolean {
  return !['logs', 'house.json', '.writable'].includes(name) && !/^backup-|\.(part|unfinished)$/.test(name)
}

/** Copies the house into `dir`, which is made. Rejects when something could not be copied; then `dir` is gone. */
export async function snapshotHouse(house: HouseToCopy, dir: string): Promise<void> {
  const { dataDir, journal, store, postgres } = house
  journal.forgetConsumer(backupConsumer)
  journal.consumer(backupConsumer)
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const copy = (name: string) => copyTree(join(dataDir, name), join(dir, name))
    await copyTree(join(dataDir, 'journal'), join(dir, 'journal'), name => !name.endsWith('.segment'))
    await rm(join(dir, 'journal', 'consumers', `${backupConsumer}.json`), { force: true })
    await copy('rules')
    await copy('ingest/ledger')
    await copyTree(join(dataDir, 'ingest'), join(dir, 'ingest'), name => name !== 'ledger')
    for (const name of await readdir(dataDir)) if (!apart.has(name) && isKept(name)) await copy(name)
    await store.copyTo?.(join(dir, 'store'))
    await postgres?.copyTo(join(dir, 'postgres'))
    await copyTree(join(dataDir, 'journal'), join(dir, 'journal'), name => name.endsWith('.segment'))
  } catch (cause) {
    await rm(dir, { recursive: true, force: true })
    throw new Error(`copy the house to ${dir}`, { cause })
  } finally {
    journal.forgetConsumer(backupConsumer)
  }
}

/** Copies a file, or a folder with what is in it; `takes` decides about the names directly in it. */
export async function copyTree(from: string, to: string, takes: (name: string) => boolean = () => true): Promise<void> {
  if (!existsSync(from)) return
  const entries = await readdir(from, { withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (entries === undefined) return await copyOne(from, to)
  await mkdir(to, { recursive: true, mode: 0o700 })
  for (const entry of entries) {
    if (!takes(entry.name) || entry.name.endsWith('.new')) continue
    if (entry.isDirectory()) await copyTree(join(from, entry.name), join(to, entry.name))
    else if (entry.isFile()) await copyOne(join(from, entry.name), join(to, entry.name))
  }
}

/** A file that goes while the folder is copied had been replaced or was no longer needed. */
async function copyOne(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}
