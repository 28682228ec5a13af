/**
 * Broker, ingest and journal in one process, in the folder argv[2], until it is killed. Prints its MQTT port.
 * Started and killed by `kill.test.ts`.
 */
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { openReadingJournal } from '@forewarn/journal/reading-journal'
import { liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { startBareBroker } from './aedes-fixture.ts'
import { startIngest } from './start.ts'
import { memoryStore } from './store-fixture.ts'
import { testDistrict } from './test-district.ts'

const [, , dir = ''] = process.argv
const clock = liveClock()
const journal = await openReadingJournal({ dir: join(dir, 'journal'), registry: testDistrict, nowMs: clock.nowMs })
// The store of this process dies with it: the consumer of another one holds the journal for the test to read.
journal.consumer('reader')
const store = memoryStore()
const parts = { clock, log: silentLog(), metrics: createMetrics(), innerToken: 'token' }
const ingest = await startIngest({ district: testDistrict, journal, store, dataDir: dir, ...parts })
const broker = await startBareBroker({ accept: ingest.accept, nowMs: clock.nowMs })
writeSync(1, `${broker.port}\n`)
