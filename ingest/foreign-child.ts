/**
 * Ingest behind the broker argv[3], with its journal in the folder argv[2], until it is killed: by itself at the
 * message number argv[4], before anything of it is on disk. Says `ready` once it has subscribed, and `end` once it
 * has kept the message `end` and all before it.
 * Started by `foreign-broker.servers.test.ts`.
 */
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { openReadingJournal } from '@forewarn/journal/reading-journal'
import { liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { startForeignBroker } from './foreign-broker.ts'
import { startIngest } from './start.ts'
import { memoryStore } from './store-fixture.ts'
import { testDistrict } from './test-district.ts'

const [, , dir = '', url = '', deathAt = '0'] = process.argv
const clock = liveClock()
const log = silentLog()
const journal = await openReadingJournal({ dir: join(dir, 'journal'), registry: testDistrict, nowMs: clock.nowMs })
journal.consumer('reader')
const parts = { clock, log, metrics: createMetrics(), innerToken: 'token' }
const ingest = await startIngest({ district: testDistrict, journal, store: memoryStore(), dataDir: dir, ...parts })
let messages = 0
let underWay = 0
let isEnding = false
const broker = startForeignBroker({
  url,
  clientId: 'house',
  districtId: testDistrict.id,
  async accept(publish) {
    // Received, and nothing of it is on disk yet.
    if (++messages === Number(deathAt)) process.kill(process.pid, 'SIGKILL')
    underWay++
    await ingest.accept(publish)
    underWay--
    isEnding ||= Buffer.from(publish.payload).toString() === 'end'
    if (isEnding && underWay === 0) writeSync(1, 'end\n')
  },
  clock,
  log,
})
await broker.ready()
writeSync(1, 'ready\n')
