/**
 * A data folder, or the copy of one, into one file with a manifest. Readings, warnings and state lie in it as they
 * are; passwords, keys and tokens are sealed with a passphrase or left out.
 */
import { open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../start-error.ts'
import { type WrittenEntry, writeArchive } from './archive.ts'
import { type Manifest, manifestName, registryName, sealedName } from './manifest.ts'
import { seal } from './sealed.ts'
import { isKept } from './snapshot.ts'

export interface BackupOptions {
  /** A snapshot of a running house, or the data folder of one that is not running. */
  readonly dir: string
  /** The file to write; it must not exist. */
  readonly out: string
  /** Seals the secrets; undefined leaves them out. */
  readonly passphrase: string | undefined
  /** The district's registry, when it is a file of its own. */
  readonly registryFile: string | undefined
  readonly elsewhere: readonly string[]
  readonly wasRunning: boolean
  readonly madeAtMs: number
  readonly version: string
}

/** Folders that hold no secrets; everything else in a data folder is treated as one. */
const plain: ReadonlySet<string> = new Set(['journal', 'store', 'postgres', 'rules', 'ingest', 'outbox'])
const sealedAtMostBytes = 64 * 1024 * 1024

/** Writes the backup and resolves with its manifest once it is on disk. A file begun in vain is removed. */
export async function writeBackup(options: BackupOptions): Promise<Manifest> {
  const { dir, out, passphrase, registryFile } = options
  await makeFile(out)
  const archive = writeArchive(out)
  try {
    const entries: WrittenEntry[] = []
    const secret = new Map<string, Buffer>()
    for (const name of (await readdir(dir)).sort()) {
      if (!isKept(name)) continue
      for (const path of await filesIn(dir, name))
        if (path.endsWith('/')) entries.push(await archive.addBytes(path, Buffer.alloc(0)))
        else if (plain.has(name)) entries.push(await archive.addFile(path, join(dir, path)))
        else if (passphrase !== undefined) secret.set(path, await readFile(join(dir, path)))
    }
    if (registryFile !== undefined) entries.push(await archive.addFile(registryName, registryFile))
    if (passphrase !== undefined) entries.push(await archive.addBytes(sealedName, sealedBytes(secret, passphrase)))
    const manifest = manifestOf(options, entries)
    await archive.addBytes(manifestName, Buffer.from(JSON.stringify(manifest, null, 2)))
    await archive.finish()
    return manifest
  } catch (cause) {
    await rm(out, { force: true })
    throw new Error(`write the backup ${out}`, { cause })
  }
}

/** New and for its owner only. What is there already stays as it is. */
async function makeFile(out: string): Promise<void> {
  try {
    await (await open(out, 'wx', 0o600)).close()
  } catch (cause) {
    throw new StartError(
      'bad-backup',
      `${out} cannot be made: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
}

function sealedBytes(secret: ReadonlyMap<string, Buffer>, passphrase: string): Buffer {
  const bytes = [...secret.values()].reduce((sum, content) => sum + content.length, 0)
  if (bytes > sealedAtMostBytes)
    throw new RangeError(`${bytes} bytes beside the folders of a house: no secrets are that long; move them away`)
  return seal(secret, passphrase)
}

function manifestOf({ madeAtMs, version, wasRunning, passphrase, elsewhere }: BackupOptions, entries: WrittenEntry[]) {
  const secrets = passphrase === undefined ? 'left-out' : 'sealed'
  return { format: 1, madeAtMs, version, wasRunning, secrets, elsewhere: [...elsewhere], entries } satisfies Manifest
}

/** Paths within `dir`, with slashes, of a file or of all files in a folder; an empty folder's ends with one. */
async function filesIn(dir: string, name: string): Promise<string[]> {
  if (!(await stat(join(dir, name))).isDirectory()) return [name]
  const files: string[] = []
  for (const child of (await readdir(join(dir, name))).sort()) files.push(...(await filesIn(dir, `${name}/${child}`)))
  // PostgreSQL does not start without its empty folders.
  return files.length > 0 ? files : [`${name}/`]
}
