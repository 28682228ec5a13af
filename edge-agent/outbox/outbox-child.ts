/**
 * For tests: an outbox in a process of its own, to be killed at any moment or to run on a disk that is full.
 * `node outbox-child.ts <dir> forever` takes readings until it is killed and says so; `… full` fills the disk.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { liveClock } from '@forewarn/runtime/clock'
import { type Outbox, openOutbox } from './outbox.ts'

const startMs = Date.UTC(2026, 6, 1)

function reading(value: number) {
  return { name: 'gauge-1', timeMs: startMs + value * 1000, value }
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Goes on where the outbox was left; every third batch is handed over, every fifth acknowledged. */
async function takeForever(outbox: Outbox): Promise<never> {
  let value = outbox.status().taken
  for (;;) {
    const count = 1 + (value % 700)
    await outbox.append(
      Array.from({ length: count }, (_, index) => reading(value + index)),
      { backlog: false },
    )
    value += count
    const sequence = outbox.nextSequence - 1
    if (sequence % 3 === 0) outbox.handOver(sequence)
    if (sequence % 5 === 0) outbox.acknowledge(sequence)
    const { handedOver, acknowledged } = outbox.status()
    await outbox.settled()
    say({ taken: value, handedOver, acknowledged })
  }
}

async function values(outbox: Outbox): Promise<number[]> {
  const found: number[] = []
  for (let batch = await outbox.next(0); batch !== undefined; batch = await outbox.next(batch.sequence + 1)) {
    found.push(...batch.readings.map(({ value }) => value))
  }
  return found
}

/** Takes until the disk refuses, three times more, then again with room. */
async function fillTheDisk(outbox: Outbox, ballast: string): Promise<void> {
  const taken: number[] = []
  const refusals: string[] = []
  let next = 0
  const offer = async () => {
    const some = Array.from({ length: 100 }, (_, index) => next + index)
    next += some.length
    await outbox.append(some.map(reading), { backlog: false }).then(
      () => void taken.push(...some),
      (error: Error) => void refusals.push(codeOf(error.cause)),
    )
  }
  while (refusals.length === 0) await offer()
  for (let round = 0; round < 3; round++) await offer()
  const keptWhenFull = await values(outbox)
  const takenWhenFull = [...taken]
  rmSync(ballast)
  for (let round = 0; round < 3; round++) await offer()
  const status = outbox.status()
  await outbox.close()
  say({ takenWhenFull, keptWhenFull, refusals, taken, status })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

const [dir = '', deed = ''] = process.argv.slice(2)
const ballast = join(dir, 'ballast')
if (deed === 'full') writeFileSync(ballast, Buffer.alloc(128 * 1024))
const outbox = await openOutbox({ dir: join(dir, 'outbox'), clock: liveClock(), lingerMs: 1 })
if (deed === 'full') await fillTheDisk(outbox, ballast)
else await takeForever(outbox)
