/**
 * The registry's editions beside a stream (see registry-editions.ts): read once at the start, written before anything
 * that is appended afterwards on the same connection.
 */
import type { Redis } from 'ioredis'
import { z } from 'zod'
import type { EditionShelf } from './registry-editions.ts'

const Kept = z.object({ hash: z.string(), text: z.string() })

export async function redisShelf(
  redis: Redis,
  key: string,
  onTrouble: (trouble: string) => void = () => {},
): Promise<EditionShelf> {
  const kept = Object.entries(await redis.hgetall(key))
  const editions = kept
    .map(([edition, json]) => ({ edition: Number(edition), ...Kept.parse(JSON.parse(json)) }))
    .sort((a, b) => a.edition - b.edition)
  let adding: Promise<unknown> = Promise.resolve()
  const tell = (cause: unknown) => onTrouble(`edition of the registry: ${String(cause)}`)
  return {
    list: () => editions,
    add(edition, hash, text) {
      editions.push({ edition, hash, text })
      adding = redis.hset(key, String(edition), JSON.stringify({ hash, text }))
      // `settled` rejects with it.
      adding.catch(() => {})
    },
    async settled() {
      await adding
    },
    read: edition => editions.find(one => one.edition === edition)?.text ?? '',
    drop(edition) {
      editions.splice(
        editions.findIndex(one => one.edition === edition),
        1,
      )
      redis.hdel(key, String(edition)).catch(tell)
    },
  }
}
