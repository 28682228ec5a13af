import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openReadingJournal } from '@forewarn/journal/reading-journal'
import { handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { openInfluxStore } from '@forewarn/store/influx/influx'
import { influxdIsInstalled, startInfluxServer } from '@forewarn/store/influx/server'
import type { Poison } from '@forewarn/store/influx/writing'
import type { ReadingStore } from '@forewarn/store/reading-store'
import { expect, test } from 'vitest'
import { ingestCounts } from './counts.ts'
import { openKeptLines } from './kept-lines.ts'
import { openLedger } from './ledger/ledger.ts'
import { testDistrict } from './test-district.ts'
import { startWriter } from './writer.ts'

const startMs = Date.UTC(2026, 6, 20, 15)
const skipped = !influxdIsInstalled() && process.env['CI'] === undefined
const batches = 600
const readings = 50

function batchAt(number: number, firstMs = startMs + number * readings * 1000) {
  return {
    gateway: 0,
    receivedAtMs: startMs + number * 10_000,
    sequence: number,
    sensor: new Uint32Array(readings).fill(1),
    measuredAtMs: Float64Array.from({ length: readings }, (_, row) => firstMs + row * 1000),
    value: new Float64Array(readings).fill(number),
    quality: new Uint8Array(readings),
  }
}

test.skipIf(skipped)(
  'an InfluxDB that is away for hours: the journal grows by segments, memory does not, and everything is stored afterwards, bad lines set aside',
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'store-outage-'))
    const clock = handClock(startMs)
    const registry = { registry: testDistrict, nowMs: clock.nowMs }
    const journal = await openReadingJournal({ dir: join(dir, 'journal'), segmentMaxBytes: 32 * 1024, ...registry })
    const server = await startInfluxServer()
    const poisons: Poison[] = []
    const influx = await openInfluxStore({
      url: server.url,
      version: '1',
      database: 'outage',
      sensors: testDistrict.sensors,
      onPoison: poison => void poisons.push(poison),
    })
    let most = 0
    let writes = 0
    const store: ReadingStore = {
      ...influx,
      write(group) {
        writes += 1
        most = Math.max(most, group.length)
        return influx.write(group)
      },
    }
    const parts = { journal, clock, log: silentLog(), metrics: createMetrics() }
    const ledgerParts = { dir: join(dir, 'ledger'), district: testDistrict, rejections: [], setAside: new Map() }
    const ledger = await openLedger({ ...parts, ...ledgerParts, everyMs: 3_600_000 })
    const setAside = await openKeptLines({ dir: join(dir, 'set-aside') })
    const counts = ingestCounts(parts.metrics)
    const pace = { gatherMs: 5, gatherReadings: 1000, backOffMs: { first: 5, longest: 20 } }
    const writer = startWriter({ journal, store, setAside, counts, log: parts.log, ledger, ...pace })

    await server.kill()
    for (let number = 0; number < batches; number++) {
      await journal.appendBatch(batchAt(number))
      clock.advance(10_000)
    }
    // One line in the middle that no InfluxDB can read, after the year 2262, and one batch behind it.
    await journal.appendBatch({ ...batchAt(batches, 1e16), sensor: new Uint32Array(readings).fill(2) })
    await journal.appendBatch(batchAt(batches + 1))
    const triesBefore = writes
    while (writes < triesBefore + 5) await new Promise(resolve => setImmediate(resolve))
    expect(writer.trouble()).toContain('does not answer')
    expect((await readdir(join(dir, 'journal'))).filter(name => name.endsWith('.segment')).length).toBeGreaterThan(10)

    await server.start()
    await until(() => journal.figures().consumers.find(({ name }) => name === 'store')?.position === journal.end())
    await writer.stop()
    // Two groups of a thousand readings at a time, however much waits.
    expect(most).toBeLessThanOrEqual((2 * 1000) / readings + 1)
    expect(await influx.count()).toBe((batches + 1) * readings)
    expect(poisons.reduce((sum, { lines }) => sum + lines, 0)).toBe(readings)

    await ledger.settle()
    const { rows } = await ledger.report({ hours: 3 })
    const sum = (figure: (row: (typeof rows)[number]) => number) => rows.reduce((all, row) => all + figure(row), 0)
    expect(sum(row => row.journalled)).toBe((batches + 2) * readings)
    expect(sum(row => row.waitingForStore)).toBe(0)
    await ledger.stop()
    await setAside.close()
    await journal.close()
    await influx.close()
    await server.stop()
    await rm(dir, { recursive: true })
  },
)

async function until(seen: () => boolean): Promise<void> {
  while (!seen()) await new Promise(resolve => setTimeout(resolve, 5))
}
