/**
 * How far each consumer of the journal has come, kept on disk: one small file per consumer, replaced atomically.
 * A consumer holds back the deletion of what it has not passed, also while its process is not running.
 */
import { mkdirSync, readdirSync, readFileSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFile, replaceFileSync } from './durable-file.ts'

export interface JournalConsumer {
  readonly name: string
  /** Where it goes on reading. */
  position(): number
  /**
   * Everything before `offset` (a record's `next`) is done and never needed again. Resolves once that is on disk;
   * a smaller offset than before changes nothing.
   */
  checkpoint(offset: number): Promise<void>
}

export interface Consumers {
  get(name: string, startAt: number): JournalConsumer
  forget(name: string): void
  /** As they are on disk: what a restart would begin from. */
  positions(): { name: string; position: number }[]
}

const Position = z.object({ position: z.number().int().nonnegative() })

export function openConsumers(dir: string, { onCheckpoint }: { onCheckpoint: () => Promise<void> }): Consumers {
  mkdirSync(dir, { recursive: true })
  const onDisk = readPositions(dir)
  const pathOf = (name: string) => join(dir, `${name}.json`)

  const get = (name: string, startAt: number): JournalConsumer => {
    if (!/^[a-z0-9-]{1,40}$/.test(name)) throw new RangeError(`consumer name ${JSON.stringify(name)}: a-z, 0-9 and -`)
    if (!onDisk.has(name)) {
      // At once: from now on nothing that it has not seen may be deleted, whatever crashes.
      replaceFileSync(pathOf(name), JSON.stringify({ position: startAt }))
      onDisk.set(name, startAt)
    }
    let position = onDisk.get(name) ?? startAt
    let writing = Promise.resolve()
    const write = async (offset: number) => {
      await replaceFile(pathOf(name), JSON.stringify({ position: offset }))
      onDisk.set(name, offset)
      await onCheckpoint()
    }
    return {
      name,
      position: () => position,
      checkpoint(offset) {
        if (offset <= position) return writing
        position = offset
        // Whoever waited for a failed checkpoint was told; this one stands alone.
        writing = writing.catch(() => {}).then(() => write(offset))
        return writing
      },
    }
  }
  return {
    get,
    forget(name) {
      if (onDisk.delete(name)) unlinkSync(pathOf(name))
    },
    positions: () => [...onDisk].map(([name, position]) => ({ name, position })),
  }
}

function readPositions(dir: string): Map<string, number> {
  const positions = new Map<string, number>()
  for (const file of readdirSync(dir)) {
    if (!file.endsWith('.json')) continue
    const { position } = Position.parse(JSON.parse(readFileSync(join(dir, file), 'utf8')))
    positions.set(file.slice(0, -'.json'.length), position)
  }
  return positions
}
