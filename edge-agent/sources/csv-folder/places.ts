/**
 * How far each file of a folder has been read. A file is known by what was read of it and not by its name: renamed,
 * rotated or copied it is the same, and one that was written anew under the same name is another.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, readFile } from 'node:fs/promises'
import { isMissing, replaceFile } from '@forewarn/runtime/kept-file'
import { z } from 'zod'

const Place = z.object({
  /** Bytes and lines read. */
  offset: z.number().int().nonnegative(),
  lines: z.number().int().nonnegative(),
  /** Of the first and the last bytes that were read. */
  head: z.string(),
  tail: z.string(),
  /** For forgetting the oldest. */
  seenAtMs: z.number(),
})
export type Place = z.infer<typeof Place>

const Kept = z.object({ files: z.record(z.string(), Place) })

const headBytes = 4096
const tailBytes = 1024
const placesAtMost = 10_000

export interface Places {
  /** Where to go on in a file: at the end of what was read of it before, under this name or another. */
  find(name: string, file: FileHandle): Promise<Pick<Place, 'offset' | 'lines'>>
  /** Resolves once it is on disk. */
  keep(name: string, file: FileHandle, read: Pick<Place, 'offset' | 'lines'>, atMs: number): Promise<void>
}

/** Rejects when the file is there and none of ours: reading everything again would be no answer to that. */
export async function openPlaces(path: string): Promise<Places> {
  const known = new Map(Object.entries((await readKept(path)).files))
  return {
    async find(name, file) {
      const own = known.get(name)
      if (own !== undefined && (await isSame(file, own))) return own
      const others = [...known.values()].filter(place => place !== own).toSorted((a, b) => b.offset - a.offset)
      for (const place of others) if (place.offset > 0 && (await isSame(file, place))) return place
      return { offset: 0, lines: 0 }
    },
    async keep(name, file, { offset, lines }, seenAtMs) {
      const [head, tail] = await marksOf(file, offset)
      known.set(name, { offset, lines, head, tail, seenAtMs })
      if (known.size > placesAtMost) forgetOldest(known)
      await replaceFile(path, JSON.stringify({ files: Object.fromEntries(known) }))
    },
  }
}

async function readKept(path: string): Promise<z.infer<typeof Kept>> {
  try {
    return Kept.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    if (isMissing(error)) return { files: {} }
    throw new Error(`read ${path}`, { cause: error })
  }
}

function forgetOldest(known: Map<string, Place>): void {
  const [oldest] = [...known].toSorted(([, a], [, b]) => a.seenAtMs - b.seenAtMs)
  if (oldest !== undefined) known.delete(oldest[0])
}

async function isSame(file: FileHandle, place: Place): Promise<boolean> {
  const { size } = await file.stat()
  if (size < place.offset) return false
  const [head, tail] = await marksOf(file, place.offset)
  return head === place.head && tail === place.tail
}

async function marksOf(file: FileHandle, offset: number): Promise<[string, string]> {
  const head = await hashOf(file, 0, Math.min(offset, headBytes))
  const from = Math.max(0, offset - tailBytes)
  return [head, await hashOf(file, from, offset - from)]
}

async function hashOf(file: FileHandle, from: number, length: number): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from)
  return createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('base64url').slice(0, 22)
}
