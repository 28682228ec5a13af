import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { formatSenml } from '@forewarn/contracts/senml'
import { handClock, liveClock } from '@forewarn/runtime/clock'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../broker-fixture.ts'
import { type Outbox, openOutbox } from './outbox.ts'

const clock = liveClock()
const startMs = Date.UTC(2026, 6, 1)

function readings(count: number, name = 'gauge-1') {
  return Array.from({ length: count }, (_, index) => ({ name, timeMs: startMs + index, value: index }))
}

async function all(outbox: Outbox) {
  const batches = []
  for (let batch = await outbox.next(0); batch !== undefined; batch = await outbox.next(batch.sequence + 1)) {
    batches.push(batch)
  }
  return batches
}

test('what was appended is there after a restart, in batches of at most 500 with running numbers', async () => {
  using folder = temporaryFolder()
  const first = await openOutbox({ dir: folder.path, clock })
  await first.append(readings(1200), { backlog: false })
  await first.append(readings(1), { backlog: true })
  await first.close()
  const second = await openOutbox({ dir: folder.path, clock })
  const batches = await all(second)
  expect(batches.map(({ sequence, backlog, readings: { length } }) => [sequence, backlog, length])).toEqual([
    [0, false, 500],
    [1, false, 500],
    [2, false, 200],
    [3, true, 1],
  ])
  expect(second.status()).toMatchObject({ batches: 4, readings: 1201, droppedReadings: 0 })
  await second.close()
})

test('appends that wait together share one batch', async () => {
  using folder = temporaryFolder()
  const outbox = await openOutbox({ dir: folder.path, clock })
  await Promise.all(Array.from({ length: 40 }, () => outbox.append(readings(2), { backlog: false })))
  expect(outbox.nextSequence).toBe(1)
  await outbox.close()
})

test('acknowledged batches stay forgotten after a restart, and numbers go on', async () => {
  using folder = temporaryFolder()
  const first = await openOutbox({ dir: folder.path, clock })
  await first.append(readings(1500), { backlog: false })
  first.acknowledge(0)
  first.acknowledge(2)
  await first.close()
  const second = await openOutbox({ dir: folder.path, clock })
  expect((await all(second)).map(({ sequence }) => sequence)).toEqual([1])
  second.acknowledge(1)
  await second.close()
  const third = await openOutbox({ dir: folder.path, clock })
  expect(third.status()).toMatchObject({ batches: 0, readings: 0 })
  expect(third.nextSequence).toBe(3)
  await third.close()
})

test('a torn tail is cut off and what came before it is kept', async () => {
  using folder = temporaryFolder()
  const first = await openOutbox({ dir: folder.path, clock })
  await first.append(readings(700), { backlog: false })
  await first.close()
  const file = readdirSync(folder.path).find(name => name.endsWith('.outbox')) ?? ''
  appendFileSync(join(folder.path, file), Buffer.from([200, 0, 0, 0, 1, 2, 3, 4, 5]))
  const troubles: string[] = []
  const second = await openOutbox({ dir: folder.path, clock, onTrouble: event => troubles.push(event) })
  await second.append(readings(1, 'after'), { backlog: false })
  expect((await all(second)).map(({ readings: { length } }) => length)).toEqual([500, 200, 1])
  expect(troubles).toEqual(['outbox-tail-cut'])
  await second.close()
})

test('a full outbox drops the oldest, says how many, and stays within its limit', async () => {
  using folder = temporaryFolder()
  let dropped = 0
  const maxBytes = 64 * 1024
  const outbox = await openOutbox({ dir: folder.path, clock, maxBytes, onDropped: count => (dropped += count) })
  for (let round = 0; round < 12; round++) await outbox.append(readings(500), { backlog: false })
  const left = await all(outbox)
  const kept = left.reduce((sum, batch) => sum + batch.readings.length, 0)
  expect(dropped).toBeGreaterThan(0)
  expect(kept + dropped).toBe(6000)
  expect(left.at(-1)?.sequence).toBe(11)
  expect(outbox.status()).toMatchObject({ readings: kept, droppedReadings: dropped })
  expect(outbox.status().bytes).toBeLessThanOrEqual(maxBytes)
  await outbox.close()
})

test('files whose batches are all acknowledged are deleted', async () => {
  using folder = temporaryFolder()
  const outbox = await openOutbox({ dir: folder.path, clock, maxBytes: 256 * 1024 })
  for (let round = 0; round < 12; round++) await outbox.append(readings(500), { backlog: false })
  for (let sequence = 0; sequence < 12; sequence++) outbox.acknowledge(sequence)
  await outbox.close()
  expect(readdirSync(folder.path).filter(name => name.endsWith('.outbox'))).toHaveLength(1)
})

test('a batch that waited longer than its age is dropped and counted, unless the clock was never set', async () => {
  using folder = temporaryFolder()
  const drops: [number, string][] = []
  const options = { dir: folder.path, maxAgeMs: 3_600_000, lingerMs: 0 }
  const neverSet = await openOutbox({ ...options, clock: handClock(Date.UTC(1970, 0, 2)) })
  const early = neverSet.append(readings(7), { backlog: false })
  await neverSet.close()
  await early
  const hand = handClock(startMs)
  const onDropped = (count: number, reason: string) => void drops.push([count, reason])
  const outbox = await openOutbox({ ...options, clock: hand, onDropped })
  const append = async (count: number) => {
    const kept = outbox.append(readings(count), { backlog: false })
    hand.advance(0)
    await kept
  }
  await append(5)
  hand.advance(3_500_000)
  await append(3)
  expect(drops).toEqual([])
  hand.advance(200_000)
  expect(drops).toEqual([[5, 'age']])
  expect((await all(outbox)).map(({ readings: { length } }) => length)).toEqual([7, 3])
  await outbox.close()
  const again = await openOutbox({ dir: folder.path, clock: hand, maxAgeMs: 3_600_000 })
  expect(again.status()).toMatchObject({ taken: 15, aged: 5, readings: 10, droppedReadings: 5 })
  await again.close()
})

test('quality, unit and a value that is missing come out as they went in', async () => {
  using folder = temporaryFolder()
  const outbox = await openOutbox({ dir: folder.path, clock })
  const odd = [
    { name: 'gauge-1', timeMs: startMs, value: 1, quality: 'suspect' as const },
    { name: 'gauge-2', timeMs: startMs, value: Number.NaN, unit: 'm', quality: 'missing' as const },
    { name: 'gauge-3', timeMs: startMs, value: 2, unit: 'm' },
  ]
  await outbox.append(odd, { backlog: false })
  expect(await outbox.next(0)).toEqual({ sequence: 0, backlog: false, readings: odd })
  await outbox.close()
})

test('a reading counts once as handed over, however often it goes out, and counters stand through a restart', async () => {
  using folder = temporaryFolder()
  const first = await openOutbox({ dir: folder.path, clock, maxBytes: 64 * 1024 })
  for (let round = 0; round < 12; round++) await first.append(readings(500), { backlog: false })
  const { crowdedOut } = first.status()
  expect(crowdedOut).toBeGreaterThan(0)
  first.handOver(11)
  first.handOver(11)
  first.handOver(10)
  first.acknowledge(10)
  await first.close()
  const second = await openOutbox({ dir: folder.path, clock, maxBytes: 64 * 1024 })
  second.handOver(11)
  const waiting = 6000 - crowdedOut - 500
  const sums = { taken: 6000, handedOver: 1000, acknowledged: 500, crowdedOut, readings: waiting }
  expect(second.status()).toMatchObject(sums)
  await second.close()
})

test('a smaller limit takes hold with the next batch', async () => {
  using folder = temporaryFolder()
  const outbox = await openOutbox({ dir: folder.path, clock, maxBytes: 64 * 1024 })
  for (let round = 0; round < 4; round++) await outbox.append(readings(500), { backlog: false })
  outbox.limit({ maxBytes: 24 * 1024 })
  await outbox.append(readings(1), { backlog: false })
  expect(outbox.status().bytes).toBeLessThanOrEqual(24 * 1024)
  expect(outbox.status().crowdedOut).toBeGreaterThan(0)
  await outbox.close()
})

test('a batch that the disk spoiled is reported and counted, and those behind it are there', async () => {
  using folder = temporaryFolder()
  const first = await openOutbox({ dir: folder.path, clock })
  for (let round = 0; round < 3; round++) await first.append(readings(500), { backlog: false })
  const file = join(folder.path, readdirSync(folder.path).find(name => name.endsWith('.outbox')) ?? '')
  const bytes = readFileSync(file)
  bytes.write('rot', Math.round(bytes.length / 2))
  writeFileSync(file, bytes)
  expect((await all(first)).map(({ sequence }) => sequence)).toEqual([0, 2])
  expect(first.status()).toMatchObject({ damaged: 500, droppedReadings: 500, readings: 1000 })
  await first.close()
  // Found at the start instead: the number stays, what it held is not known.
  for (const name of readdirSync(folder.path)) if (name.endsWith('.marks')) rmSync(join(folder.path, name))
  const troubles: string[] = []
  const second = await openOutbox({ dir: folder.path, clock, onTrouble: event => troubles.push(event) })
  expect((await all(second)).map(({ sequence }) => sequence)).toEqual([0, 2])
  expect(troubles).toEqual(['outbox-batch-damaged'])
  expect(second.nextSequence).toBe(3)
  await second.close()
})

test('readings with long names travel in smaller batches, so that no broker finds one too large', async () => {
  using folder = temporaryFolder()
  const outbox = await openOutbox({ dir: folder.path, clock })
  const longest = readings(500).map((reading, index) => ({ ...reading, name: `${index}`.padStart(200, '水') }))
  await outbox.append(longest, { backlog: false })
  const batches = await all(outbox)
  expect(batches.flatMap(batch => batch.readings)).toEqual(longest)
  for (const batch of batches) expect(Buffer.byteLength(formatSenml(batch.readings))).toBeLessThan(200_000)
  await outbox.close()
})

test('what waits is on disk and not in memory', async () => {
  using folder = temporaryFolder()
  const outbox = await openOutbox({ dir: folder.path, clock })
  const before = heapBytes()
  for (let round = 0; round < 60; round++) await outbox.append(readings(5000), { backlog: false })
  expect(outbox.status().readings).toBe(300_000)
  // As objects they are some 30 MB.
  expect(heapBytes() - before).toBeLessThan(6_000_000)
  await outbox.close()
})

/** After everything that nobody holds is gone. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
