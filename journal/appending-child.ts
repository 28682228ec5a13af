/**
 * Appends to the journal in argv[2] (a folder, or the URL of a Redis) until it is killed, and prints the text of each record once it was acknowledged.
 * Started and killed by `kill.test.ts`.
 */
import { writeSync } from 'node:fs'
import { openJournal } from './journal.ts'
import { openRedisJournal } from './redis-journal.ts'

const [, , dir = '', life = ''] = process.argv
const nowMs = () => 0
const journal = await (dir.startsWith('redis:')
  ? openRedisJournal({ url: dir, shard: 'lives', nowMs })
  : openJournal({ dir, segmentMaxBytes: 256 * 1024, nowMs }))

async function appendForEver(lane: number): Promise<never> {
  for (let number = 0; ; number++) {
    const text = `${life}/${lane}/${number}`
    await journal.append(Buffer.from(text.padEnd(50 + ((number * 37) % 400), '.')))
    // Synchronous: what was printed was acknowledged, and what was acknowledged before the kill was mostly printed.
    writeSync(1, `${text}\n`)
  }
}

await Promise.all(Array.from({ length: 20 }, (_, lane) => appendForEver(lane)))
