import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReadingBatch } from '@forewarn/contracts/reading'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBatch, encodeBatch } from './batch-codec.ts'
import { openReadingJournal } from './reading-journal.ts'
import type { RegistryOrder } from './registry-editions.ts'

const atMs = Date.UTC(2026, 6, 20, 15)

function batch(rows: readonly [sensor: number, measuredAtMs: number, value: number, quality: number][]): ReadingBatch {
  return {
    gateway: 1,
    receivedAtMs: atMs,
    sequence: 42,
    sensor: Uint32Array.from(rows, row => row[0]),
    measuredAtMs: Float64Array.from(rows, row => row[1]),
    value: Float64Array.from(rows, row => row[2]),
    quality: Uint8Array.from(rows, row => row[3]),
  }
}

test('a batch comes back as it was, wherever its bytes lie', () => {
  const row = fc.tuple(
    fc.nat({ max: 2 ** 32 - 1 }),
    fc.oneof(fc.integer({ min: atMs - 1e6, max: atMs + 1e6 }), fc.double({ noNaN: true })),
    fc.double(),
    fc.nat({ max: 255 }),
  )
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), fc.nat({ max: 9 }), (rows, shift) => {
      const original = batch(rows)
      const encoded = encodeBatch(original)
      const moved = new Uint8Array(encoded.length + shift)
      moved.set(encoded, shift)
      expect(decodeBatch(moved.subarray(shift))).toEqual(original)
    }),
  )
})

test('a reading near its arrival takes 17 bytes', () => {
  const rows = Array.from({ length: 100 }, (_, index): [number, number, number, number] => [index, atMs - index, 1, 0])
  expect(encodeBatch(batch(rows)).length).toBe(32 + 1700)
})

test('bytes that are no batch are refused', () => {
  const encoded = encodeBatch(batch([[1, atMs, 2, 0]]))
  expect(() => decodeBatch(encoded.subarray(0, -1))).toThrow(RangeError)
  expect(() => decodeBatch(new Uint8Array(5))).toThrow(RangeError)
})

const sensor = (id: string, gateway = 'g1') => ({ id, gateway })

async function onlyBatch(dir: string, registry: RegistryOrder): Promise<ReadingBatch | undefined> {
  const journal = await openReadingJournal({ dir, registry, nowMs: () => 0 })
  let found: ReadingBatch | undefined
  for await (const { record } of journal.read({ from: 0, follow: false })) found = decodeBatch(record)
  await journal.close()
  return found
}

test('a batch means the same sensors after the registry changed its order and lost one', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'journal-registry-'))
  const before = {
    sensors: [sensor('gauge-a'), sensor('gauge-b'), sensor('gauge-c', 'g2')],
    gateways: [{ id: 'g1' }, { id: 'g2' }],
  }
  const journal = await openReadingJournal({ dir, registry: before, nowMs: () => 0 })
  const rows: [number, number, number, number][] = [
    [0, atMs, 10, 0],
    [1, atMs, 11, 1],
    [2, atMs, 12, 0],
  ]
  await journal.append(encodeBatch(batch(rows)))
  await journal.close()

  const after = {
    sensors: [sensor('gauge-new'), sensor('gauge-c', 'g2'), sensor('gauge-a')],
    gateways: [{ id: 'g2' }, { id: 'g1' }],
  }
  const found = await onlyBatch(dir, after)
  expect(found).toMatchObject({ gateway: 0, sensor: Uint32Array.of(2, 1), value: Float64Array.of(10, 12) })
  expect(await onlyBatch(dir, before)).toEqual(batch(rows))
  await rm(dir, { recursive: true })
})
