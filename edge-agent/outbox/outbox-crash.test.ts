import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { liveClock } from '@forewarn/runtime/clock'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { temporaryFolder } from '../broker-fixture.ts'
import { openOutbox } from './outbox.ts'

const child = fileURLToPath(new URL('outbox-child.ts', import.meta.url))
const clock = liveClock()

const Told = z.object({ taken: z.number(), handedOver: z.number(), acknowledged: z.number() })

/** Kills the child after it said `lines` lines and `pauseMs` more; resolves with the last line it said. */
async function liveAndBeKilled(dir: string, { lines, pauseMs }: { lines: number; pauseMs: number }) {
  const agent = spawn(process.execPath, [child, dir, 'forever'])
  const gone = once(agent, 'exit')
  let told = { taken: 0, handedOver: 0, acknowledged: 0 }
  let left = lines
  const kill = () => void agent.kill('SIGKILL')
  for await (const line of createInterface({ input: agent.stdout })) {
    told = Told.parse(JSON.parse(line))
    if (--left === 0) setTimeout(kill, pauseMs)
  }
  await gone
  return told
}

test('an outbox killed at any moment keeps all that was told taken, and its counters never go back', async () => {
  using folder = temporaryFolder()
  for (let life = 0; life < 8; life++) {
    const told = await liveAndBeKilled(folder.path, { lines: 1 + life * 3, pauseMs: life * 1.7 })
    const outbox = await openOutbox({ dir: join(folder.path, 'outbox'), clock })
    const status = outbox.status()
    expect(status.taken).toBeGreaterThanOrEqual(told.taken)
    expect(status.handedOver).toBeGreaterThanOrEqual(told.handedOver)
    expect(status.acknowledged).toBeGreaterThanOrEqual(told.acknowledged)
    expect(status.acknowledged + status.readings).toBe(status.taken)
    const waiting: number[] = []
    for (let batch = await outbox.next(0); batch !== undefined; batch = await outbox.next(batch.sequence + 1)) {
      waiting.push(...batch.readings.map(({ value }) => value))
    }
    // The child counts on from `taken`: whatever is not acknowledged is there, once.
    expect(new Set(waiting).size).toBe(waiting.length)
    expect(waiting.length).toBe(status.readings)
    expect(Math.max(...waiting)).toBeLessThan(status.taken)
    await outbox.close()
  }
}, 120_000)

const Filled = z.object({
  takenWhenFull: z.array(z.number()),
  keptWhenFull: z.array(z.number()),
  refusals: z.array(z.string()),
  taken: z.array(z.number()),
  status: z.object({ taken: z.number(), readings: z.number(), droppedReadings: z.number() }),
})

/** How to mount a small disk that nobody else sees: as root in a namespace of one's own. */
const asRoot = [
  ['unshare', '-rm'],
  ['sudo', '-n', 'unshare', '-m'],
].find(([command = '', ...args]) => spawnSync(command, [...args, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0)
if (asRoot === undefined) process.stderr.write('no small disk can be mounted here: the full disk is not tested\n')

// In CI it must not be skipped: there it fails for want of a command.
test.skipIf(asRoot === undefined && !process.env['CI'])(
  'on a full disk a source is told "not taken", nothing taken is lost, and with room again it goes on',
  async () => {
    using folder = temporaryFolder()
    const [command = 'unshare', ...args] = asRoot ?? []
    const script = `mount -t tmpfs -o size=256k tmpfs "$0" && exec "$1" "$2" "$0" full`
    const said = execFileSync(command, [...args, 'sh', '-c', script, folder.path, process.execPath, child])
    const { takenWhenFull, keptWhenFull, refusals, taken, status } = Filled.parse(JSON.parse(said.toString()))
    expect(takenWhenFull.length).toBeGreaterThan(0)
    expect(keptWhenFull).toEqual(takenWhenFull)
    expect(refusals).toEqual(['ENOSPC', 'ENOSPC', 'ENOSPC', 'ENOSPC'])
    expect(taken.length).toBe(takenWhenFull.length + 300)
    expect(status).toEqual({ taken: taken.length, readings: taken.length, droppedReadings: 0 })
  },
)
