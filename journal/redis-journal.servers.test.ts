import { randomUUID } from 'node:crypto'
import { installed } from '@forewarn/runtime/test-servers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { journalConformance, textsFrom } from './conformance.ts'
import { durableArguments, type MortalRedis, startMortalRedis } from './redis-fixture.ts'
import { openRedisJournal, openRedisReadingJournal } from './redis-journal.ts'

const program = installed('redis-server')
const bytes = (text: string) => Buffer.from(text)

describe.skipIf(program === undefined)('a journal in Redis', () => {
  let redis: MortalRedis
  beforeAll(async () => {
    redis = await startMortalRedis(program ?? '')
  })
  afterAll(() => redis.stop())
  const open = (shard: string, options: { maxBytes?: number } = {}) =>
    openRedisJournal({ url: redis.url, shard, nowMs: () => 0, ...options })

  describe('keeps what every journal promises', () => {
    journalConformance(async () => {
      const shard = randomUUID()
      return { open: options => open(shard, options) }
    })
  })

  test('a process on another machine follows what this one appends, and holds it until it has passed', async () => {
    const writer = await open('two')
    const reader = await open('two')
    const consumer = reader.consumer('rules')
    const store = writer.consumer('store')
    const seen: string[] = []
    const following = (async () => {
      for await (const { record, next } of reader.read({ from: 0, follow: true })) {
        seen.push(Buffer.from(record).toString())
        await consumer.checkpoint(next)
        if (seen.length === 30) return
      }
    })()
    for (let number = 0; number < 30; number++) await writer.append(bytes(`record ${number}`))
    await following
    expect(seen).toEqual(Array.from({ length: 30 }, (_, number) => `record ${number}`))
    await store.checkpoint(writer.end())
    expect(await textsFrom(writer)).toEqual(['record 29'])
    await Promise.all([writer.close(), reader.close()])
  })

  test('of two writers the later one owns the stream; the other is told so and adds nothing', async () => {
    const first = await open('owned')
    await first.append(bytes('first'))
    const second = await open('owned')
    await second.append(bytes('second'))
    await expect(first.append(bytes('stray'))).rejects.toMatchObject({ code: 'journal-taken' })
    expect(await textsFrom(second)).toEqual(['first', 'second'])
    await Promise.all([first.close(), second.close()])
  })

  test('a batch means the same sensors after the registry changed its order', async () => {
    const order = (...ids: string[]) => ({ sensors: ids.map(id => ({ id, gateway: 'g' })), gateways: [{ id: 'g' }] })
    const options = { url: redis.url, shard: 'editions', nowMs: () => 0 }
    const before = await openRedisReadingJournal({ ...options, registry: order('a', 'b') })
    await before.appendBatch({
      gateway: 0,
      receivedAtMs: 5,
      sequence: 1,
      sensor: Uint32Array.of(0, 1),
      measuredAtMs: Float64Array.of(5, 5),
      value: Float64Array.of(10, 11),
      quality: Uint8Array.of(0, 0),
    })
    await before.close()
    const after = await openRedisReadingJournal({ ...options, registry: order('b', 'c', 'a') })
    const found: unknown[] = []
    for await (const group of after.readBatches({ from: 0, follow: false })) found.push(...group.map(one => one.batch))
    expect(found).toMatchObject([{ sensor: Uint32Array.of(2, 0), value: Float64Array.of(10, 11) }])
    await after.close()
  })
})

describe.skipIf(program === undefined)('a Redis that would acknowledge before it is on disk', () => {
  test.each([
    ['keeps nothing on disk', ['--appendonly', 'no'], 'appendonly'],
    ['syncs later', ['--appendonly', 'yes', '--appendfsync', 'no'], 'appendfsync'],
    [
      'forgets under pressure',
      [...durableArguments, '--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'],
      'noeviction',
    ],
  ])('is refused: it %s', async (_, args, named) => {
    const redis = await startMortalRedis(program ?? '', args)
    const opening = openRedisJournal({ url: redis.url, shard: 'x', nowMs: () => 0 })
    await expect(opening).rejects.toMatchObject({
      code: 'journal-not-durable',
      message: expect.stringContaining(named),
    })
    await redis.stop()
  })
})
