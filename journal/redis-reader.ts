/**
 * Reading a stream in order, from any offset. A follower waits on a connection of its own, so that it hears of what
 * other processes append.
 */
import { Redis } from 'ioredis'
import { z } from 'zod'
import { type JournalRecord, takeFrame } from './frame.ts'
import { offsetIn } from './redis-scripts.ts'

interface Reading {
  readonly from: number
  readonly follow: boolean
  readonly signal: AbortSignal
}

interface Source {
  readonly redis: Redis
  readonly key: string
  readonly damage: { records: number }
}

/** Entries in one answer. A group has at most some 2 MB, so an answer stays below 16. */
const entriesAtOnce = 8
/** How long a follower waits for news in one call, and how long after a connection that broke, ms. */
const waitMs = 1000
const pauseMs = 200

export async function* recordsInStream(
  { from, follow, signal }: Reading,
  source: Source,
): AsyncGenerator<JournalRecord> {
  const { redis, key } = source
  let at = await beginOf(from, source)
  const waiter = follow ? redis.duplicate({ lazyConnect: true, enableOfflineQueue: true }) : undefined
  waiter?.on('error', () => {}) // a broken connection is told by the one it was made from
  const stop = () => waiter?.disconnect()
  signal.addEventListener('abort', stop, { once: true })
  try {
    while (!signal.aborted) {
      const entries =
        waiter === undefined ? await entriesFrom(redis, key, at) : await nextEntries({ redis, waiter, key, at, signal })
      for (const { offset, group } of entries) {
        for (const record of recordsOf(group, offset, source.damage)) {
          at = record.next
          if (record.offset < from) continue
          yield record
          if (signal.aborted) return
        }
        at = Math.max(at, offset + group.length)
      }
      if (entries.length === 0 && !follow) return
    }
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}

/** Where the group begins that holds this offset. */
async function beginOf(from: number, { redis, key }: Source): Promise<number> {
  const [entry] = await redis.xrevrange(key, `${from}-1`, '-', 'COUNT', 1)
  return entry === undefined ? from : offsetIn(entry[0])
}

interface Entry {
  readonly offset: number
  readonly group: Buffer
}

async function entriesFrom(redis: Redis, key: string, at: number): Promise<Entry[]> {
  return entriesIn(await redis.xrangeBuffer(key, `${at}-1`, '+', 'COUNT', entriesAtOnce))
}

interface Follower {
  readonly redis: Redis
  readonly waiter: Redis
  readonly key: string
  readonly at: number
  readonly signal: AbortSignal
}

/** What is there from `at` on, or what comes within a second. A Redis that is away is asked again. */
async function nextEntries({ redis, waiter, key, at, signal }: Follower): Promise<Entry[]> {
  try {
    const there = await entriesFrom(redis, key, at)
    if (there.length > 0) return there
    const answer = await waiter.xreadBuffer('COUNT', entriesAtOnce, 'BLOCK', waitMs, 'STREAMS', key, `${at}-0`)
    const [stream]: unknown[] = Array.isArray(answer) ? answer : []
    const [, entries]: unknown[] = Array.isArray(stream) ? stream : []
    return entries === undefined ? [] : entriesIn(entries)
  } catch {
    // Told by the connection itself; nothing is lost by waiting, for the position is ours.
    if (!signal.aborted) await new Promise(resolve => setTimeout(resolve, pauseMs))
    return []
  }
}

const Bytes = z.instanceof(Buffer)
const Entries = z.array(z.tuple([Bytes, z.tuple([Bytes, Bytes])]))

function entriesIn(answer: unknown): Entry[] {
  return Entries.parse(answer).map(([id, [, group]]) => ({ offset: offsetIn(id.toString()), group }))
}

function* recordsOf(group: Buffer, base: number, damage: { records: number }): Generator<JournalRecord> {
  for (let at = 0; at < group.length; ) {
    const frame = takeFrame(group, at)
    if (frame.kind === 'short' || frame.kind === 'nonsense') {
      damage.records++
      return
    }
    if (frame.kind === 'whole') yield { offset: base + at, next: base + frame.end, record: frame.record }
    else damage.records++
    at = frame.end
  }
}
