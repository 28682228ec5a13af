/**
 * The journal in a Redis stream, for houses whose processes run on several machines: same promises as the one in
 * files. A group of records is one entry, named for the offset of its first byte, so that an offset means the same in
 * both; ends and positions lie beside the stream and move in the same script as what they speak of.
 */
import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { Appender, type Tail, type WrittenRecord } from './appender.ts'
import type { JournalConsumer } from './consumers.ts'
import type { Journal } from './journal.ts'
import { JournalError } from './journal-error.ts'
import { type ReadingJournal, readingJournalOn } from './reading-journal.ts'
import { type Durability, durabilityOf } from './redis-durability.ts'
import { recordsInStream } from './redis-reader.ts'
import { addScripts, type StreamKeys, type StreamScripts, streamKeys } from './redis-scripts.ts'
import { redisShelf } from './redis-shelf.ts'
import type { RegistryOrder } from './registry-editions.ts'

export interface RedisJournalOptions {
  /** redis://host:6379 or rediss://… */
  readonly url: string
  /** Names the stream: one for each district, or part of one. */
  readonly shard: string
  /** Beyond this, append rejects with `journal-full`. Default 2 GB; Redis holds it in memory. */
  readonly maxBytes?: number
  /** How long an append waits for a Redis that is away before it is refused, ms. Default 5 s. */
  readonly patienceMs?: number
  readonly nowMs: () => number
  /** Told when the connection breaks, and of what could not be kept beside the stream. */
  readonly onTrouble?: (trouble: string) => void
  /** Told of records once they are on disk, before whoever appended them. */
  readonly onWritten?: (records: readonly WrittenRecord[]) => void
}

/**
 * Opens the stream. Throws JournalError `journal-not-durable` for a Redis that would acknowledge before it is on disk.
 * Whoever appends last owns the stream: the one before gets `journal-taken`.
 */
export async function openRedisJournal(options: RedisJournalOptions): Promise<Journal> {
  return (await openOn(options)).journal
}

/** The journal of a district's readings in a Redis stream; `append` and the rest as in files. */
export function openRedisReadingJournal({
  registry,
  ...options
}: RedisJournalOptions & { readonly registry: RegistryOrder }): Promise<ReadingJournal> {
  return readingJournalOn(registry, async onWritten => {
    const { journal, redis, keys } = await openOn({ ...options, onWritten })
    return { journal, shelf: await redisShelf(redis, keys.editions, options.onTrouble) }
  })
}

const megabyte = 1024 * 1024

async function openOn(options: RedisJournalOptions) {
  const { url, shard, maxBytes = 2048 * megabyte, patienceMs = 5000, nowMs, onTrouble = () => {} } = options
  const redis = await connect(url, onTrouble)
  try {
    const durability = await durabilityOf(redis)
    const keys = streamKeys(shard)
    const scripts = addScripts(redis, keys)
    const state = await readState(scripts)
    const tail = redisTail({ redis, scripts, durability, patienceMs, state })
    const bytesInUse = () => tail.end() - state.firstOffset
    const log = new Appender({ bytesInUse, maxBytes, onWritten: options.onWritten ?? (() => {}) }, tail)
    const journal = journalOf({ log, redis, keys, scripts, state, maxBytes, onTrouble, openedAtMs: nowMs() })
    return { journal, redis, keys }
  } catch (cause) {
    redis.disconnect()
    throw cause
  }
}

async function connect(url: string, onTrouble: (trouble: string) => void): Promise<Redis> {
  const redis = new Redis(url, {
    lazyConnect: true,
    // What was under way when the connection broke is decided here, not sent again behind our back.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: tries => Math.min(1000, tries * 50),
  })
  redis.on('error', cause => onTrouble(String(cause)))
  try {
    await redis.connect()
  } catch (cause) {
    redis.disconnect()
    throw new JournalError('journal-write-failed', `the Redis of the journal cannot be reached: ${String(cause)}`, {
      cause,
    })
  }
  return redis
}

/** What this process knows of the stream and of those who read it. */
interface StreamState {
  endOffset: number
  firstOffset: number
  readonly positions: Map<string, number>
}

async function readState(scripts: StreamScripts): Promise<StreamState> {
  const state: StreamState = { endOffset: 0, firstOffset: 0, positions: new Map() }
  takeIn(state, await scripts.look())
  return state
}

/** Ours and those that processes on other machines have moved meanwhile. */
function takeIn(
  state: StreamState,
  { endOffset, firstOffset, positions }: Awaited<ReturnType<StreamScripts['look']>>,
): void {
  state.endOffset = endOffset
  state.firstOffset = firstOffset ?? endOffset
  for (const [name, position] of positions) state.positions.set(name, position)
}

interface TailParts {
  readonly redis: Redis
  readonly scripts: StreamScripts
  readonly durability: Durability
  readonly patienceMs: number
  readonly state: StreamState
}

/** Writes groups to the stream. A group whose fate is unknown is sent again: the script knows whether it was taken. */
function redisTail({ redis, scripts, durability, patienceMs, state }: TailParts): Tail {
  const writer = randomUUID()
  let isTaken = false
  /** A group was refused although it may be in the stream: where that ends must be asked first. */
  let isUnsure = false

  const send = async (bytes: Buffer) => {
    if (!isTaken) await scripts.take(writer)
    isTaken = true
    const next = state.endOffset + bytes.length
    await scripts.append({ writer, offset: state.endOffset, next, group: bytes })
    if (durability === 'wait') await waitForDisk(redis)
    return next
  }
  return {
    end: () => state.endOffset,
    async write(bytes) {
      if (isUnsure) {
        const { endOffset } = await scripts.look()
        isUnsure = false
        if (endOffset !== state.endOffset) {
          state.endOffset = endOffset
          throw new Error('an earlier group had been taken after all; this one comes again')
        }
      }
      try {
        state.endOffset = await sendPatiently(() => send(bytes), redis, patienceMs)
      } catch (cause) {
        isUnsure = true
        throw troubleOf(cause)
      }
    },
    close: async () => {},
  }
}

async function waitForDisk(redis: Redis): Promise<void> {
  const answer = await redis.call('WAITAOF', 1, 0, 10_000)
  const [local]: unknown[] = Array.isArray(answer) ? answer : []
  if (Number(local) < 1) throw new Error('Redis has not brought it to disk in 10 s')
}

/** Tries again while the connection is broken; what Redis itself refuses is final. */
async function sendPatiently(send: () => Promise<number>, redis: Redis, patienceMs: number): Promise<number> {
  const endMs = performance.now() + patienceMs
  for (;;) {
    try {
      return await send()
    } catch (cause) {
      if (isRefusal(cause) || performance.now() > endMs || redis.status === 'end') throw cause
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
}

/** Redis answered, and the answer is no. While it loads its data (LOADING) it has not answered yet. */
function isRefusal(cause: unknown): boolean {
  return (
    cause instanceof Error &&
    cause.name === 'ReplyError' &&
    !/^(LOADING|MASTERDOWN|TRYAGAIN|CLUSTERDOWN)/.test(cause.message)
  )
}

function troubleOf(cause: unknown): unknown {
  const message = cause instanceof Error ? cause.message : String(cause)
  if (/TAKEN/.test(message))
    return new JournalError('journal-taken', 'another process writes to this journal now', { cause })
  if (/^(OOM|MISCONF)/.test(message))
    return new JournalError('journal-full', `Redis takes no more: ${message}`, { cause })
  return cause
}

interface JournalParts {
  readonly log: Appender
  readonly redis: Redis
  readonly keys: StreamKeys
  readonly scripts: StreamScripts
  readonly state: StreamState
  readonly maxBytes: number
  readonly onTrouble: (trouble: string) => void
  readonly openedAtMs: number
}

function journalOf(parts: JournalParts): Journal {
  const { log, redis, keys, state, maxBytes, openedAtMs } = parts
  const closing = new AbortController()
  const damage = { records: 0 }
  return {
    append: record => log.append(record),
    appendShared: source => log.appendShared(source),
    end: () => log.end(),
    moreThan: (offset, signal) => log.moreThan(offset, signal),
    read: ({ signal, ...options }) => {
      const ending = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal])
      return recordsInStream({ ...options, signal: ending }, { redis, key: keys.stream, damage })
    },
    consumer: name => consumerOf(name, parts),
    forgetConsumer(name) {
      state.positions.delete(name)
      redis.hdel(keys.positions, name).catch((cause: unknown) => parts.onTrouble(`forget ${name}: ${String(cause)}`))
    },
    async close() {
      await log.close()
      closing.abort()
      redis.disconnect()
    },
    figures: () => ({
      bytes: log.end() - state.firstOffset,
      maxBytes,
      segments: 1,
      firstOffset: state.firstOffset,
      endOffset: log.end(),
      ...log.figures(),
      damagedRecords: damage.records,
      tornBytes: 0,
      openedAtMs,
      consumers: [...state.positions].map(([name, position]) => ({ name, position })),
    }),
  }
}

function consumerOf(name: string, { scripts, state, onTrouble }: JournalParts): JournalConsumer {
  if (!/^[a-z0-9-]{1,40}$/.test(name)) throw new RangeError(`consumer name ${JSON.stringify(name)}: a-z, 0-9 and -`)
  let position = state.positions.get(name)
  if (position === undefined) {
    position = state.firstOffset
    state.positions.set(name, position)
    // Sent before anything that is appended or trimmed later on this connection.
    scripts.register(name, position).catch((cause: unknown) => onTrouble(`register ${name}: ${String(cause)}`))
  }
  let reached = position
  return {
    name,
    position: () => reached,
    async checkpoint(offset) {
      if (offset <= reached) return
      reached = offset
      const { firstOffset, positions } = await scripts.checkpoint(name, offset)
      state.firstOffset = firstOffset ?? state.firstOffset
      for (const [other, at] of positions) state.positions.set(other, at)
    },
  }
}
