/**
 * The files of a journal. A segment is named for the offset of its first byte, so that a byte's place is its offset
 * less that number; segments follow each other without a gap.
 */
import {
  constants,
  type FileHandle,
  open,
  readdir,
  readFile,
  stat,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from './durable-file.ts'
import { soundLength } from './frame.ts'

export interface Segment {
  /** Offset of its first byte. */
  readonly base: number
  readonly path: string
  /** Bytes that are on disk for sure. */
  size: number
}

/** Bytes on disk in all segments. */
export function bytesOf(segments: readonly Segment[]): number {
  let bytes = 0
  for (const segment of segments) bytes += segment.size
  return bytes
}

const namePattern = /^(\d{16})\.segment$/

function segmentPath(dir: string, base: number): string {
  return join(dir, `${String(base).padStart(16, '0')}.segment`)
}

/** The segments of a folder in order, the torn tail of the last one cut. A new journal begins with an empty one at 0. */
export async function openSegments(dir: string): Promise<{ segments: Segment[]; tornBytes: number }> {
  const bases = (await readdir(dir))
    .map(name => namePattern.exec(name)?.[1])
    .filter(base => base !== undefined)
    .map(Number)
    .sort((a, b) => a - b)
  const segments: Segment[] = []
  for (const base of bases) {
    const path = segmentPath(dir, base)
    segments.push({ base, path, size: (await stat(path)).size })
  }
  const last = segments.at(-1)
  if (last === undefined) return { segments: [await createSegment(dir, 0)], tornBytes: 0 }
  return { segments, tornBytes: await cutTornTail(dir, last) }
}

/**
 * Only the newest segment can end in half a record: the one that was being written when the process died. Nobody
 * was told that it is kept, so it goes; a copy stays until the next cut, for whoever looks into the crash.
 */
async function cutTornTail(dir: string, segment: Segment): Promise<number> {
  const bytes = await readFile(segment.path)
  const sound = soundLength(bytes)
  if (sound === bytes.length) return 0
  await writeFile(join(dir, 'torn-tail'), bytes.subarray(sound))
  await truncate(segment.path, sound)
  const handle = await open(segment.path, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
  segment.size = sound
  return bytes.length - sound
}

/** A new, empty segment, durable as a file. */
export async function createSegment(dir: string, base: number): Promise<Segment> {
  const path = segmentPath(dir, base)
  await (await open(path, 'w')).close()
  await syncFolder(dir)
  return { base, path, size: 0 }
}

/**
 * Whether a write returns only once its bytes are on disk (POSIX.1-2017, open, O_DSYNC): the same promise as a write
 * and an fdatasync, in one call. Where a system has no such flag, whoever writes must sync.
 */
export const writesAreDurable = typeof constants.O_DSYNC === 'number' && constants.O_DSYNC > 0

/** Opens a segment for appending at its sound end. */
export function openForAppend(segment: Segment): Promise<FileHandle> {
  return open(segment.path, writesAreDurable ? constants.O_RDWR | constants.O_DSYNC : 'r+')
}

export async function deleteSegment(segment: Segment): Promise<void> {
  await unlink(segment.path)
}
