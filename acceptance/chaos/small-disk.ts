/**
 * A disk of a few hundred megabytes that can be filled to the last byte: a file system in memory, where that may be
 * mounted (root on Linux).
 */
import { execFileSync } from 'node:child_process'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'

export interface SmallDisk {
  readonly dir: string
  /** Until there is no room for anything. */
  fill(): Promise<void>
  free(): Promise<void>
  unmount(): void
}

/** Mounts it at `dir`. Undefined where that is not allowed. */
export async function smallDisk(dir: string, megabytes: number): Promise<SmallDisk | undefined> {
  await mkdir(dir, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'forewarn-chaos', dir], { stdio: 'ignore' })
  } catch {
    return undefined // no root, or no such system: the caller says that it is not tried
  }
  const ballast = join(dir, 'ballast')
  return {
    dir,
    fill: () => fillUp(ballast),
    free: () => rm(ballast, { force: true }),
    unmount: () => execFileSync('umount', ['--lazy', dir], { stdio: 'ignore' }),
  }
}

async function fillUp(file: string): Promise<void> {
  const handle = await open(file, 'a')
  // Smaller and smaller pieces: the last one takes the last byte.
  for (let bytes = 4 * 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 4)) {
    const piece = Buffer.alloc(bytes)
    try {
      for (;;) if ((await handle.write(piece)).bytesWritten < bytes) break
    } catch {
      // ENOSPC: full for pieces of this size.
    }
  }
  await handle.close()
}
