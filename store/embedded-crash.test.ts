import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, expect, test } from 'vitest'
import { openEmbeddedStore } from './embedded.ts'

const root = mkdtempSync(join(tmpdir(), 'forewarn-crash-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const writers: ChildProcess[] = []
afterEach(() => {
  for (const writer of writers.splice(0)) writer.kill('SIGKILL')
})

const rowsPerWrite = 400
const sensors = [{ id: 'rain' }, { id: 'gauge' }]

/** Lets a process write until it acknowledged `writes` more; it goes on writing. */
async function writerThatWrote(dir: string, { first, writes }: { first: number; writes: number }) {
  const script = fileURLToPath(new URL('./crash-writer.ts', import.meta.url))
  const writer = spawn(process.execPath, [script, dir, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] })
  writers.push(writer)
  const acknowledged = { last: first - 1 }
  const lines = createInterface({ input: writer.stdout })
  await new Promise<void>(resolve => {
    lines.on('line', line => {
      acknowledged.last = Number(line)
      if (acknowledged.last >= first + writes - 1) resolve()
    })
  })
  const kill = async () => {
    const ended = once(lines, 'close')
    writer.kill('SIGKILL')
    await ended
  }
  return { acknowledged, kill }
}

test('every acknowledged reading survives kill -9, in the middle of writing and settling', async () => {
  const dir = join(root, 'killed')
  let first = 0
  for (const writes of [3, 5, 8]) {
    const { acknowledged, kill } = await writerThatWrote(dir, { first, writes })
    await kill()
    const store = await openEmbeddedStore({ dir, sensors, memoryMb: 64 })
    const kept = await store.count()
    const acknowledgedRows = (acknowledged.last + 1) * rowsPerWrite
    // The write under way may have been kept whole or not at all.
    expect([acknowledgedRows, acknowledgedRows + rowsPerWrite]).toContain(kept)
    const gauge = await store.range({ sensor: 1, fromMs: 0, toMs: 1e9 })
    expect(gauge).toHaveLength(kept / 2)
    expect(gauge.every(({ atMs, mean }, i) => atMs === i * 2 && mean === i / 2)).toBe(true)
    expect((await store.latest([1, 0])).map(({ measuredAtMs }) => measuredAtMs)).toEqual([kept - 2, kept - 1])
    await store.close()
    // From the middle of what is kept: the repeats must not become rows.
    first = Math.max(0, acknowledged.last - 2)
  }
})

test('a folder that another process has open is refused with a code, and free once that process is gone', async () => {
  const dir = join(root, 'shared')
  const { kill } = await writerThatWrote(dir, { first: 0, writes: 1 })
  await expect(openEmbeddedStore({ dir, sensors })).rejects.toMatchObject({ code: 'store-locked' })
  await kill()
  await (await openEmbeddedStore({ dir, sensors })).close()
})
