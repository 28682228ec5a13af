import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Imbalance, LedgerRow } from '@forewarn/contracts/ledger'
import type { KeptBatch } from '@forewarn/journal/reading-journal'
import { handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { testDistrict } from '../test-district.ts'
import { type Ledger, openLedger } from './ledger.ts'
import type { CountedRejection } from './tallies.ts'

const startMs = Date.UTC(2026, 6, 20, 15)
const hourMs = 3_600_000

/** What survives a crash, and the process that may crash: one ledger with its neighbours, all in memory but its files. */
class World {
  readonly dir = mkdtempSync(join(tmpdir(), 'ledger-'))
  readonly clock = handClock(startMs)
  readonly records: KeptBatch[] = []
  readonly rejections: CountedRejection[] = []
  readonly asideNexts = new Map<number, number>()
  readonly acknowledged: number[] = []
  readonly checkpoints: number[] = []
  /** Share of the journal's limit. */
  bytesInUse = 0
  storePosition = 0
  judged = 0
  ledger!: Ledger
  #life = 0

  async start(): Promise<this> {
    this.#life++
    this.ledger = await openLedger({
      dir: this.dir,
      district: testDistrict,
      journal: {
        readBatches: ({ from, follow, signal }) => this.#read(from, follow, signal),
        consumer: name => ({
          name,
          position: () => 0,
          checkpoint: async offset => void this.checkpoints.push(offset),
        }),
        figures: () => ({ ...figures(this.#end(), this.storePosition), bytes: this.bytesInUse }),
      },
      rejections: [...this.rejections],
      setAside: this.asideNexts,
      clock: this.clock,
      log: silentLog(),
      metrics: createMetrics(),
      everyMs: 3_600_000,
      graceMs: 60_000,
    })
    this.ledger.watchRules(async () => this.#tally())
    return this
  }

  /** The process is gone: what it had not written down is gone with it. */
  async crash(): Promise<void> {
    await this.start()
  }

  /** It dies while it writes: the hours are on disk, the file beside them is still the old one. */
  async crashWhileWriting(): Promise<void> {
    const path = join(this.dir, 'gateways')
    const before = existsSync(path) ? readFileSync(path) : undefined
    await this.ledger.settle()
    if (before === undefined) rmSync(path, { force: true })
    else writeFileSync(path, before)
    await this.start()
  }

  /** A message: kept in the journal and the quarantine, and acknowledged unless the process died in between. */
  arrive({ gateway, readings, refused, isAcknowledged = true, sequence = -1 }: Message): void {
    const receivedAtMs = this.clock.nowMs()
    const id = testDistrict.gateways[gateway]?.id ?? ''
    const column = new Uint32Array(readings)
    const columns = { sensor: column, measuredAtMs: new Float64Array(), value: new Float64Array() }
    const batch = { gateway, receivedAtMs, sequence, quality: new Uint8Array(), ...columns }
    const next = this.#end() + 10
    if (readings > 0) this.records.push({ offset: this.#end(), next, batch })
    if (refused > 0) {
      const number = this.rejections.length + 1
      const one = {
        number,
        gateway: id,
        atMs: receivedAtMs,
        reason: 'not-finite',
        readings: refused,
        kept: false,
      } as const
      this.rejections.push(one)
      this.ledger.rejected(one)
    }
    if (isAcknowledged) this.ledger.acknowledged(id, receivedAtMs, readings + refused)
  }

  /** The writer passes so many records; `lose` says which of them it forgets to count. */
  store(count: number, { asideEvery = 0, lose = (_: KeptBatch): boolean => false } = {}): void {
    const group = this.records.filter(({ next }) => next > this.storePosition).slice(0, count)
    const isAside = ({ next }: KeptBatch) => asideEvery > 0 && next % (10 * asideEvery) === 0
    for (const one of group) if (isAside(one)) this.asideNexts.set(one.next, one.batch?.sensor.length ?? 0)
    this.storePosition = group.at(-1)?.next ?? this.storePosition
    this.ledger.stored(group.filter(one => !lose(one)).map(kept => ({ kept, setAside: isAside(kept) })))
  }

  async drain(options?: Parameters<World['store']>[1]): Promise<void> {
    this.store(this.records.length, options)
    this.judged = this.records.length
    // The ledger follows the journal behind our back: two settlings see what a look at its end saw.
    for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
    await this.ledger.settle()
    this.clock.advance(60_000)
    await this.ledger.settle()
  }

  async rows(): Promise<LedgerRow[]> {
    const reports = testDistrict.gateways.map(({ id }) => this.rowsOf(id))
    return (await Promise.all(reports)).flat()
  }

  async rowsOf(gateway: string): Promise<LedgerRow[]> {
    return (await this.ledger.report({ hours: 100, gateway })).rows
  }

  async imbalances(): Promise<Imbalance[]> {
    return (await this.ledger.report({ hours: 1 })).imbalances
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ledger.stop()
    rmSync(this.dir, { recursive: true })
  }

  #end(): number {
    return this.records.at(-1)?.next ?? 0
  }

  async *#read(from: number, follow: boolean, signal: AbortSignal | undefined) {
    const life = this.#life
    let at = from
    do {
      const fresh = this.records.filter(({ offset }) => offset >= at)
      at = fresh.at(-1)?.next ?? at
      if (fresh.length > 0) yield fresh
      else if (follow) await new Promise(resolve => setImmediate(resolve))
    } while (follow && signal?.aborted !== true && life === this.#life)
  }

  #tally() {
    const judged = this.records.slice(0, this.judged)
    const byHour = Map.groupBy(judged, ({ batch }) => Math.floor((batch?.receivedAtMs ?? 0) / hourMs) * hourMs)
    const hours = [...byHour].map(([start, group]) => ({ hourMs: start, readings: readingsById(group) }))
    return { from: 0, firstHourMs: startMs, position: judged.at(-1)?.next ?? 0, hours }
  }
}

interface Message {
  readonly gateway: number
  readonly readings: number
  readonly refused: number
  readonly isAcknowledged?: boolean
  readonly sequence?: number
}

function readingsById(group: readonly KeptBatch[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { batch } of group) {
    const id = testDistrict.gateways[batch?.gateway ?? 0]?.id ?? ''
    counts[id] = (counts[id] ?? 0) + (batch?.sensor.length ?? 0)
  }
  return counts
}

function figures(endOffset: number, storePosition: number) {
  const none = { bytes: 0, maxBytes: 1, segments: 1, firstOffset: 0, commits: 0, records: 0, damagedRecords: 0 }
  return { ...none, endOffset, tornBytes: 0, openedAtMs: 0, consumers: [{ name: 'store', position: storePosition }] }
}

const sum = (rows: readonly LedgerRow[], figure: (row: LedgerRow) => number) =>
  rows.reduce((all, row) => all + figure(row), 0)

const refusedIn = ({ rejected }: LedgerRow) => Object.values(rejected).reduce((all, count) => all + count, 0)

const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('arrive'),
      gateway: fc.nat(1),
      readings: fc.nat(5),
      refused: fc.nat(2),
      isAcknowledged: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('store'), count: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('judge'), count: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash-while-writing') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass'), minutes: fc.integer({ min: 1, max: 40 }) }) },
)

async function play(world: World, one: typeof event extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
  if ('gateway' in one) return world.arrive(one)
  if ('minutes' in one) return world.clock.advance(one.minutes * 60_000)
  if (one.kind === 'crash') return await world.crash()
  if (one.kind === 'crash-while-writing') return await world.crashWhileWriting()
  if (one.kind === 'settle') return await world.ledger.settle()
  if (!('count' in one)) return
  if (one.kind === 'store') return world.store(one.count, { asideEvery: 3 })
  world.judged = Math.min(world.records.length, world.judged + one.count)
}

test('whatever the order of events, crashes and replays, the ledger balances', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 40 }), async events => {
      await using world = await new World().start()
      for (const one of events) await play(world, one)
      await world.drain({ asideEvery: 3 })
      const rows = await world.rows()
      const kept = world.records.reduce((all, { batch }) => all + (batch?.sensor.length ?? 0), 0)
      const refused = world.rejections.reduce((all, { readings }) => all + readings, 0)
      expect(await world.imbalances()).toEqual([])
      expect(sum(rows, row => row.journalled)).toBe(kept)
      expect(sum(rows, row => row.stored + row.setAside)).toBe(kept)
      expect(sum(rows, row => row.setAside)).toBe(sumOf(world.asideNexts.values()))
      expect(sum(rows, row => row.evaluated ?? 0)).toBe(kept)
      expect(sum(rows, refusedIn)).toBe(refused)
      for (const row of rows) expect(row.acknowledged + row.unconfirmed).toBe(row.journalled + refusedIn(row))
    }),
    { numRuns: 40 },
  )
}, 120_000)

function sumOf(counts: Iterable<number>): number {
  let all = 0
  for (const count of counts) all += count
  return all
}

test('a record that the writer loses is found: gateway, hour, stage and number', async () => {
  await using world = await new World().start()
  for (let count = 1; count <= 5; count++) world.arrive({ gateway: count % 2, readings: count, refused: 0 })
  const lost = world.records[2]
  await world.drain({ lose: one => one === lost })
  expect(await world.imbalances()).toEqual([
    { gateway: 'gw-2', hourMs: startMs, stage: 'store', readings: 3, sinceMs: startMs },
  ])
  expect(world.ledger.check()).toMatchObject({
    status: 'failed',
    detail: expect.stringContaining('3 readings missing'),
  })
  // It is still known after a restart.
  await world.crash()
  await world.drain()
  expect(await world.imbalances()).toMatchObject([{ gateway: 'gw-2', stage: 'store', readings: 3 }])
})

test('what was acknowledged and is not in the journal is found at the door', async () => {
  await using world = await new World().start()
  world.arrive({ gateway: 0, readings: 4, refused: 1 })
  world.ledger.acknowledged('gw-1', startMs, 7)
  await world.drain()
  expect(await world.imbalances()).toMatchObject([{ gateway: 'gw-1', stage: 'door', readings: 7 }])
})

test('what the rules pass without judging it is found', async () => {
  await using world = await new World().start()
  world.arrive({ gateway: 0, readings: 4, refused: 0 })
  world.ledger.watchRules(async () => ({
    from: 0,
    firstHourMs: startMs,
    position: 10,
    hours: [{ hourMs: startMs, readings: {} }],
  }))
  await world.drain()
  expect(await world.imbalances()).toMatchObject([{ gateway: 'gw-1', stage: 'rules', readings: 4 }])
})

test('a difference that passes within the grace time is not told', async () => {
  await using world = await new World().start()
  world.arrive({ gateway: 0, readings: 4, refused: 0 })
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
  await world.ledger.settle()
  expect(await world.imbalances()).toEqual([])
  expect(await world.rowsOf('gw-1')).toMatchObject([{ waitingForStore: 4, waitingForRules: 4, stored: 0 }])
  await world.drain()
  expect(world.ledger.check().status).toBe('ok')
})

test('missing numbers are gaps until they come after all, and a number that came before is a duplicate', async () => {
  await using world = await new World().start()
  const send = (sequence: number) => world.arrive({ gateway: 0, readings: 2, refused: 0, sequence })
  for (const sequence of [1, 2, 6, 4, 4]) send(sequence)
  await world.drain()
  expect(await world.rowsOf('gw-1')).toMatchObject([{ missingBatches: 2, duplicates: 2 }])
  await world.crash()
  send(3)
  send(5)
  await world.drain()
  expect(await world.rowsOf('gw-1')).toMatchObject([{ missingBatches: 0, duplicates: 2 }])
})

test('what a gateway says it sent and dropped stands beside what came; being told of more than is kept is found', async () => {
  await using world = await new World().start()
  const say = (count: number, dropped = 0) =>
    world.ledger.said(
      'gw-1',
      { atMs: startMs, sentReadings: count, acknowledgedReadings: count, droppedReadings: dropped },
      startMs,
    )
  say(100)
  world.arrive({ gateway: 0, readings: 5, refused: 0 })
  await world.drain()
  say(105, 2)
  await world.drain()
  expect(await world.imbalances()).toEqual([])
  expect(await world.rowsOf('gw-1')).toMatchObject([{ sent: 5, dropped: 2, acknowledged: 5 }])
  say(112, 2)
  await world.drain()
  expect(await world.imbalances()).toMatchObject([{ gateway: 'gw-1', stage: 'uplink', readings: 7 }])
})

test('a file of the ledger that rotted is put aside and told of; the house starts, and counts on', async () => {
  await using world = await new World().start()
  world.arrive({ gateway: 0, readings: 4, refused: 0 })
  await world.drain()
  const [name = ''] = readdirSync(world.dir).filter(file => file.endsWith('.hour'))
  writeFileSync(join(world.dir, name), 'rot')
  await world.crash()
  world.arrive({ gateway: 1, readings: 3, refused: 0 })
  await world.drain()
  expect(await world.rowsOf('gw-2')).toMatchObject([{ journalled: 3, stored: 3 }])
  expect(readdirSync(world.dir)).toContain(`${name}.damaged`)
})

test('a ledger that cannot be written says so, and lets the journal go before that fills', async () => {
  await using world = await new World().start()
  world.arrive({ gateway: 0, readings: 4, refused: 0 })
  await world.drain()
  expect(world.checkpoints).toEqual([10, 10])
  rmSync(world.dir, { recursive: true })
  world.arrive({ gateway: 0, readings: 4, refused: 0 })
  await world.drain()
  expect(world.ledger.check()).toMatchObject({ status: 'warning', detail: expect.stringContaining('ENOENT') })
  expect(world.checkpoints).toEqual([10, 10])
  world.bytesInUse = 0.3
  await world.ledger.settle()
  expect(world.checkpoints).toEqual([10, 10, 20])
  mkdirSync(world.dir)
  await world.ledger.settle()
  expect(world.ledger.check().status).toBe('ok')
})
