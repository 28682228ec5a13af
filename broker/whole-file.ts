/**
 * A small file that is always whole: written beside and moved over, readable by its owner only. Writes that come
 * while one is under way become one.
 */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { replaceFile } from '@forewarn/runtime/kept-file'

export interface WholeFile {
  /** Resolves when a state at least as new as this call is on disk. `text` is asked when the write begins. */
  write(text: () => string): Promise<void>
}

/** The folder is made when the first text is written. */
export function wholeFile(file: string): WholeFile {
  let underWay: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  let newest: () => string = () => ''
  return {
    write(text) {
      newest = text
      next ??= underWay
        // The failure of the write before was told to its own callers.
        .catch(() => {})
        .then(() => {
          next = undefined
          underWay = writeOver(file, newest())
          return underWay
        })
      return next
    },
  }
}

async function writeOver(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await replaceFile(file, text, { mode: 0o600 })
}
