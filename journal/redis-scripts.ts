/**
 * What must happen at once in Redis: an append with the new end, a checkpoint with what it allows to be deleted. All
 * keys of a stream share a hash tag, so that Redis Cluster keeps them together.
 */
import type { Redis } from 'ioredis'
import { z } from 'zod'

export interface StreamKeys {
  readonly stream: string
  readonly positions: string
  readonly writer: string
  readonly end: string
  readonly editions: string
}

export function streamKeys(shard: string): StreamKeys {
  const of = (what: string) => `forewarn:{${shard}}:journal:${what}`
  return {
    stream: of('stream'),
    positions: of('positions'),
    writer: of('writer'),
    end: of('end'),
    editions: of('editions'),
  }
}

export interface StreamFacts {
  readonly endOffset: number
  /** Undefined when the stream is empty. */
  readonly firstOffset: number | undefined
  readonly positions: ReadonlyMap<string, number>
}

export interface Append {
  readonly writer: string
  readonly offset: number
  readonly next: number
  readonly group: Buffer
}

export interface StreamScripts {
  /** This writer owns the stream from now on. */
  take(writer: string): Promise<void>
  /** Adds a group at `offset`, or finds that it is there already. Rejects with TAKEN or MOVED. */
  append(append: Append): Promise<void>
  register(name: string, position: number): Promise<void>
  /** Moves a position forward and deletes the entries that everybody has passed, but never the last one. */
  checkpoint(name: string, offset: number): Promise<StreamFacts>
  look(): Promise<StreamFacts>
}

const appendScript = `
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return redis.error_reply('TAKEN by another writer') end
local ending = redis.call('GET', KEYS[4]) or '0'
if ending == ARGV[3] then return 'there' end
if ending ~= ARGV[2] then return redis.error_reply('MOVED to ' .. ending) end
redis.call('XADD', KEYS[1], ARGV[2] .. '-1', 'g', ARGV[4])
redis.call('SET', KEYS[4], ARGV[3])
return 'added'`

const facts = `
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
return {redis.call('GET', KEYS[4]) or '0', first[1] and first[1][1] or '', redis.call('HGETALL', KEYS[2])}`

const checkpointScript = `
local before = redis.call('HGET', KEYS[2], ARGV[1])
if not before or tonumber(ARGV[2]) > tonumber(before) then redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) end
local least = nil
for _, position in ipairs(redis.call('HVALS', KEYS[2])) do
  local offset = tonumber(position)
  if least == nil or offset < least then least = offset end
end
local needed = redis.call('XREVRANGE', KEYS[1], string.format('%.0f', least) .. '-1', '-', 'COUNT', 1)
if needed[1] then redis.call('XTRIM', KEYS[1], 'MINID', needed[1][1]) end
${facts}`

const Facts = z.tuple([z.coerce.number(), z.string(), z.array(z.string())])

/** The scripts on this connection. */
export function addScripts(redis: Redis, keys: StreamKeys): StreamScripts {
  const names = [keys.stream, keys.positions, keys.writer, keys.end]
  const run = (script: string, ...args: (string | Buffer)[]) => redis.eval(script, names.length, ...names, ...args)
  return {
    async take(writer) {
      await redis.set(keys.writer, writer)
    },
    async append({ writer, offset, next, group }) {
      await run(appendScript, writer, String(offset), String(next), group)
    },
    async register(name, position) {
      await redis.hsetnx(keys.positions, name, String(position))
    },
    checkpoint: async (name, offset) => factsIn(await run(checkpointScript, name, String(offset))),
    look: async () => factsIn(await run(facts)),
  }
}

function factsIn(answer: unknown): StreamFacts {
  const [endOffset, first, pairs] = Facts.parse(answer)
  const positions = new Map<string, number>()
  for (let index = 0; index + 1 < pairs.length; index += 2) positions.set(pairs[index] ?? '', Number(pairs[index + 1]))
  return { endOffset, firstOffset: first === '' ? undefined : offsetIn(first), positions }
}

/** `4711-1` → 4711. */
export function offsetIn(id: string): number {
  return Number(id.slice(0, id.indexOf('-')))
}
