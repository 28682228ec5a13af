/**
 * Small files that a process keeps for itself: read where they may not be there yet, and replaced in one step, so that
 * after a crash a file is the old one or the new one, never half of it.
 */
import { readFileSync } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Resolves once the new text is on disk under `path`. With `mode` the file has exactly these permissions, whatever the
 * umask. The folder must be there; meanwhile the text stands beside it under the name with `.new`.
 */
export async function replaceFile(
  path: string,
  text: string,
  { mode }: { readonly mode?: number } = {},
): Promise<void> {
  const aside = `${path}.new`
  const file = await open(aside, 'w', mode)
  try {
    // One that an earlier crash left behind has the permissions of then.
    if (mode !== undefined) await file.chmod(mode)
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(aside, path)
  await syncFolder(dirname(path))
}

/** A new or renamed file survives a power cut only once its folder was synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** The bytes of a file; undefined when there is none. Rejects with the system's error when it cannot be read. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** The same at once, for what is opened before anything else can begin. */
export function readIfThereSync(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Whether this is the system saying that there is no such file or folder (ENOENT). */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
