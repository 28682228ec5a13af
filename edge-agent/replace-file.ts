/** Puts a text on disk in one step: after a crash the file is the old one or the new one, never half of it. */
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Resolves once the new text is on disk under `path`. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const aside = `${path}.new`
  const file = await open(aside, 'w')
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(aside, path)
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
