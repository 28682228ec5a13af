/**
 * Whether a Redis keeps what it acknowledges. A PUBACK means on disk: a Redis that holds its data in memory, or that
 * may forget it under pressure, is refused at the start.
 */
import type { Redis } from 'ioredis'
import { JournalError } from './journal-error.ts'

/**
 * How an append becomes durable: `always`, the reply itself comes after the fsync (appendfsync always); `wait`, the
 * fsync is awaited with WAITAOF (Redis 7.2 and later).
 */
export type Durability = 'always' | 'wait'

/** Asks the server for its settings. Throws JournalError `journal-not-durable`, saying what to set. */
export async function durabilityOf(redis: Redis): Promise<Durability> {
  const canWait = isAtLeast(versionIn(await redis.info('server')), [7, 2])
  const settings = await settingsOf(redis)
  if (settings === undefined) {
    if (canWait) return 'wait'
    throw refused('its settings cannot be read (CONFIG is forbidden) and WAITAOF is missing (Redis 7.2)')
  }
  if (settings.get('appendonly') !== 'yes') throw refused('set appendonly yes: it keeps nothing on disk as it is')
  const evicts = settings.get('maxmemory') !== '0' && settings.get('maxmemory-policy') !== 'noeviction'
  if (evicts) throw refused('set maxmemory-policy noeviction: it may forget readings as it is')
  if (settings.get('appendfsync') === 'always') return 'always'
  if (canWait && settings.get('appendfsync') === 'everysec') return 'wait'
  throw refused('set appendfsync always: it acknowledges before it is on disk as it is')
}

function refused(what: string): JournalError {
  return new JournalError('journal-not-durable', `this Redis cannot hold the journal: ${what}`)
}

/** Undefined where CONFIG is forbidden, as in hosted ones. */
async function settingsOf(redis: Redis): Promise<Map<string, string> | undefined> {
  try {
    const names = ['appendonly', 'appendfsync', 'maxmemory', 'maxmemory-policy']
    const answers = await Promise.all(names.map(name => redis.config('GET', name)))
    return new Map(answers.map(answer => pairIn(answer)))
  } catch (cause) {
    if (cause instanceof Error && /NOPERM|unknown command/i.test(cause.message)) return undefined
    throw cause
  }
}

function pairIn(answer: unknown): [string, string] {
  const [name, value]: unknown[] = Array.isArray(answer) ? answer : []
  return [String(name), String(value)]
}

function versionIn(info: string): [number, number] {
  const [, major, minor] = /redis_version:(\d+)\.(\d+)/.exec(info) ?? []
  return [Number(major ?? 0), Number(minor ?? 0)]
}

function isAtLeast([major, minor]: readonly [number, number], [atMajor, atMinor]: readonly [number, number]): boolean {
  return major > atMajor || (major === atMajor && minor >= atMinor)
}
