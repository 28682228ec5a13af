import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { installed } from '@forewarn/runtime/test-servers'
import { expect, test } from 'vitest'
import { textsFrom } from './conformance.ts'
import { startMortalRedis } from './redis-fixture.ts'
import { openRedisJournal } from './redis-journal.ts'

const program = installed('redis-server')

test.skipIf(program === undefined)(
  'kill -9 of Redis, again and again: what was acknowledged is there, once, and the writer goes on',
  async () => {
    const redis = await startMortalRedis(program ?? '')
    const journal = await openRedisJournal({ url: redis.url, shard: 'kill', nowMs: () => 0, patienceMs: 60_000 })
    const acknowledged: string[] = []
    let isOver = false
    const lanes = Array.from({ length: 10 }, async (_, lane) => {
      for (let number = 0; !isOver; number++) {
        const text = `${lane}/${number}`
        await journal.append(Buffer.from(text)).then(
          () => acknowledged.push(text),
          () => {}, // refused: the gateway would come again
        )
      }
    })
    for (let kills = 0; kills < 4; kills++) {
      const before = acknowledged.length
      await redis.killAndRestart()
      // It goes on by itself before the next blow falls.
      while (acknowledged.length < before + 100) await new Promise(resolve => setTimeout(resolve, 5))
    }
    isOver = true
    await Promise.all(lanes)
    await journal.close()
    const again = await openRedisJournal({ url: redis.url, shard: 'kill', nowMs: () => 0 })
    const kept = await textsFrom(again)
    expect(new Set(kept).size).toBe(kept.length)
    const there = new Set(kept)
    expect(acknowledged.filter(text => !there.has(text))).toEqual([])
    await again.close()
    await redis.stop()
  },
)

test.skipIf(program === undefined)(
  'kill -9 of the writer: what it acknowledged is there, once, through several lives',
  async () => {
    const redis = await startMortalRedis(program ?? '')
    const acknowledged: string[] = []
    for (let life = 1; life <= 3; life++) acknowledged.push(...(await acknowledgedBeforeKill(redis.url, life)))
    const journal = await openRedisJournal({ url: redis.url, shard: 'lives', nowMs: () => 0 })
    const kept = (await textsFrom(journal)).map(text => text.replace(/\.+$/, ''))
    expect(new Set(kept).size).toBe(kept.length)
    const there = new Set(kept)
    expect(acknowledged.length).toBeGreaterThan(900)
    expect(acknowledged.filter(text => !there.has(text))).toEqual([])
    await journal.close()
    await redis.stop()
  },
)

async function acknowledgedBeforeKill(url: string, life: number): Promise<string[]> {
  const script = join(import.meta.dirname, 'appending-child.ts')
  const child = spawn(process.execPath, [script, url, String(life)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  await new Promise<void>(resolve => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.length > 4000 + life * 3000) child.kill('SIGKILL')
    })
    child.on('close', () => resolve())
  })
  return output.split('\n').slice(0, -1)
}
