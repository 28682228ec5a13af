/**
 * A backup back into a data folder: into an empty one, whole and verified, or not at all.
 */
import { existsSync } from 'node:fs'
import { chmod, mkdir, open, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join, normalize, resolve, sep } from 'node:path'
import { StartError } from '../start-error.ts'
import { type EntrySink, readArchive, type WrittenEntry } from './archive.ts'
import { Manifest, manifestName, sealedName } from './manifest.ts'
import { unseal } from './sealed.ts'

export interface RestoreOptions {
  readonly file: string
  readonly dataDir: string
  /** Opens the secrets; undefined leaves them out, and the house makes new ones. */
  readonly passphrase: string | undefined
}

/**
 * Restores and resolves with the manifest. Throws StartError when the folder is not empty, the file is damaged or no
 * backup, or the passphrase is missing or wrong; the folder is untouched then.
 */
export async function restoreBackup({ file, dataDir, passphrase }: RestoreOptions): Promise<Manifest> {
  const target = resolve(dataDir)
  if (existsSync(target) && (await readdir(target)).length > 0)
    throw new StartError('data-dir-not-empty', `${target} is not empty: a backup is restored into an empty folder`)
  const beside = `${target}.unfinished`
  await rm(beside, { recursive: true, force: true })
  await mkdir(beside, { recursive: true, mode: 0o700 })
  try {
    const manifest = await unpack(file, beside)
    await openSecrets(manifest, beside, passphrase)
    if (existsSync(target)) await rmdir(target)
    await rename(beside, target)
    return manifest
  } catch (cause) {
    await rm(beside, { recursive: true, force: true })
    if (cause instanceof StartError) throw cause
    throw new StartError(
      'bad-backup',
      `${file} cannot be restored: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    )
  }
}

async function unpack(file: string, dir: string): Promise<Manifest> {
  const found = await readArchive(file, name => sinkInto(dir, name))
  const path = join(dir, manifestName)
  if (!existsSync(path)) throw new Error('it has no manifest')
  const manifest = Manifest.parse(JSON.parse(await readFile(path, 'utf8')))
  const wrong = differenceOf(manifest, found)
  if (wrong !== undefined) throw new Error(wrong)
  await rm(path)
  return manifest
}

/** What is not as the manifest says; undefined when all is. */
function differenceOf({ entries }: Manifest, found: readonly WrittenEntry[]): string | undefined {
  const there = new Map(found.map(entry => [entry.name, entry]))
  for (const { name, bytes, sha256 } of entries) {
    const entry = there.get(name)
    if (entry === undefined) return `${name} is missing`
    if (entry.bytes !== bytes || entry.sha256 !== sha256) return `${name} is damaged`
  }
  const extra = found.find(({ name }) => name !== manifestName && !entries.some(entry => entry.name === name))
  return extra === undefined ? undefined : `${extra.name} does not belong to it`
}

async function sinkInto(dir: string, name: string): Promise<EntrySink> {
  const path = pathWithin(dir, name)
  await mkdir(name.endsWith('/') ? path : dirname(path), { recursive: true, mode: 0o700 })
  if (name.endsWith('/')) return folderSink
  const handle = await open(path, 'wx', 0o600)
  return {
    async write(chunk) {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await handle.write(chunk, done)
        done += bytesWritten
      }
    },
    async end() {
      await handle.sync()
      await handle.close()
    },
  }
}

/** A folder has no content. */
const folderSink: EntrySink = { async write() {}, async end() {} }

/** A name in an archive is a stranger's text: it must not lead out of the folder. */
function pathWithin(dir: string, name: string): string {
  const path = normalize(join(dir, name))
  if (!path.startsWith(dir + sep)) throw new Error(`the name ${JSON.stringify(name)} leads out of the folder`)
  return path
}

async function openSecrets({ secrets }: Manifest, dir: string, passphrase: string | undefined): Promise<void> {
  if (secrets === 'left-out') return
  const sealed = join(dir, sealedName)
  if (passphrase !== undefined) {
    const files = unseal(await readFile(sealed), passphrase)
    if (files === undefined)
      throw new StartError('bad-backup', 'the passphrase is not the one this backup was sealed with')
    for (const [name, content] of files) {
      const path = pathWithin(dir, name)
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await writeFile(path, content, { mode: 0o600 })
      await chmod(path, 0o600)
    }
  }
  await rm(sealed)
}
