import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReadingBatch } from '@forewarn/contracts/reading'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { encodeBatch } from './batch-codec.ts'
import { type KeptBatch, openReadingJournal, type ReadingJournal } from './reading-journal.ts'

const registry = { sensors: [{ id: 's0', gateway: 'g0' }], gateways: [{ id: 'g0' }] }
const atMs = Date.UTC(2026, 6, 20, 15)
let dir = ''
let journal: ReadingJournal

const open = (maxBytes?: number) =>
  openReadingJournal({ dir, registry, nowMs: () => 0, ...(maxBytes === undefined ? {} : { maxBytes }) })

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reading-journal-'))
  journal = await open()
})
afterEach(async () => {
  await journal.close()
  await rm(dir, { recursive: true })
})

/** Half of them with a time that is no whole millisecond, which is written in another way. */
function batch(sequence: number, rows = 1): ReadingBatch {
  return {
    gateway: 0,
    receivedAtMs: atMs + sequence,
    sequence,
    sensor: new Uint32Array(rows),
    measuredAtMs: new Float64Array(rows).fill(atMs + (sequence % 2) / 4),
    value: Float64Array.from({ length: rows }, (_, row) => row),
    quality: new Uint8Array(rows),
  }
}

async function sequencesFrom(from: number, { until }: { until?: number } = {}): Promise<(number | undefined)[]> {
  const found: KeptBatch[] = []
  for await (const records of journal.readBatches({ from, follow: until !== undefined })) {
    found.push(...records)
    if (found.length === until) break
  }
  for (const [index, { offset }] of found.entries()) expect(offset).toBe(found[index - 1]?.next ?? from)
  return found.map(one => one.batch?.sequence)
}

const upTo = (end: number) => Array.from({ length: end }, (_, sequence) => sequence)

test('batches are read back as they were given, from memory and from disk', async () => {
  await Promise.all(upTo(100).map(sequence => journal.appendBatch(batch(sequence, 3))))
  expect(await sequencesFrom(0)).toEqual(upTo(100))
  await journal.close()
  journal = await open()
  expect(await sequencesFrom(0)).toEqual(upTo(100))
  const all: (ReadingBatch | undefined)[] = []
  for await (const records of journal.readBatches({ from: 0, follow: false }))
    all.push(...records.map(one => one.batch))
  expect(all).toEqual(upTo(100).map(sequence => batch(sequence, 3)))
})

test('a reader that begins on disk goes on in memory and misses nothing', async () => {
  await Promise.all(upTo(50).map(sequence => journal.appendBatch(batch(sequence))))
  await journal.close()
  journal = await open()
  const read = sequencesFrom(0, { until: 300 })
  for (let sequence = 50; sequence < 300; sequence++) await journal.appendBatch(batch(sequence))
  expect(await read).toEqual(upTo(300))
})

test('a reader that fell behind what is in memory is given the rest from disk', async () => {
  const rows = 20_000
  for (let sequence = 0; sequence < 100; sequence++) await journal.appendBatch(batch(sequence, rows))
  expect(await sequencesFrom(0, { until: 100 })).toEqual(upTo(100))
})

test('what was appended as bytes and what is no batch are told apart, in their order', async () => {
  await journal.append(encodeBatch(batch(7)))
  await journal.append(new Uint8Array(40).fill(9))
  await journal.appendBatch(batch(8))
  expect(await sequencesFrom(0)).toEqual([7, undefined, 8])
  await journal.close()
  journal = await open()
  expect(await sequencesFrom(0)).toEqual([7, undefined, 8])
})

test('a batch that does not fit any more is refused, and those before it are kept', async () => {
  await journal.close()
  journal = await open(4000)
  const outcomes = await Promise.allSettled(upTo(100).map(sequence => journal.appendBatch(batch(sequence))))
  const kept = outcomes.filter(({ status }) => status === 'fulfilled').length
  expect(outcomes.at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'journal-full' } })
  expect(kept).toBeGreaterThan(10)
  expect(await sequencesFrom(0)).toEqual(upTo(kept))
})

test('following ends when the journal is closed', async () => {
  await journal.appendBatch(batch(0))
  const read = sequencesFrom(0, { until: 9 })
  await journal.close()
  expect(await read).toEqual([0])
})
