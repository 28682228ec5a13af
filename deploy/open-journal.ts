/**
 * The journal of a house: in files of its data folder, or in a Redis that several machines share.
 */
import { join } from 'node:path'
import { JournalError } from '@forewarn/journal/journal'
import { openReadingJournal, type ReadingJournal } from '@forewarn/journal/reading-journal'
import { openRedisReadingJournal } from '@forewarn/journal/redis-journal'
import type { HouseOptions } from './house-options.ts'
import { StartError } from './start-error.ts'

/** Throws StartError for a Redis that is not there, or that would acknowledge before readings are on disk. */
export async function openHouseJournal(options: HouseOptions): Promise<ReadingJournal> {
  const { district, dataDir, clock, log, journalRedisUrl, journalMaxBytes } = options
  const shared = {
    registry: district,
    nowMs: clock.nowMs,
    ...(journalMaxBytes === undefined ? {} : { maxBytes: journalMaxBytes }),
  }
  if (journalRedisUrl === undefined) return await openReadingJournal({ ...shared, dir: join(dataDir, 'journal') })
  const onTrouble = (trouble: string) => log.error('journal-troubled', { trouble })
  try {
    return await openRedisReadingJournal({ ...shared, url: journalRedisUrl, shard: district.id, onTrouble })
  } catch (cause) {
    if (cause instanceof JournalError) throw new StartError('server-not-reachable', cause.message, { cause })
    throw cause
  }
}
