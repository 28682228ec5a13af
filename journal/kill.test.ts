import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openJournal } from './journal.ts'

/** Lets a child append for a while, kills it in the middle, and returns what it said was acknowledged. */
async function acknowledgedBeforeKill(dir: string, life: number): Promise<string[]> {
  const script = join(import.meta.dirname, 'appending-child.ts')
  const child = spawn(process.execPath, [script, dir, String(life)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const killAfterLines = 300 + ((life * 7919) % 1500)
  let output = ''
  let lines = 0
  await new Promise<void>(resolve => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      for (const byte of chunk) if (byte === 10) lines++
      if (lines >= killAfterLines) child.kill('SIGKILL')
    })
    child.on('close', () => resolve())
  })
  // The last line may be cut by the kill: then it was not said.
  return output.split('\n').slice(0, -1)
}

async function textsIn(dir: string): Promise<string[]> {
  const journal = await openJournal({ dir, nowMs: () => 0 })
  const texts: string[] = []
  for await (const { record } of journal.read({ from: 0, follow: false }))
    texts.push(Buffer.from(record).toString().replace(/\.+$/, ''))
  await journal.close()
  return texts
}

test('every record acknowledged before kill -9 is there after it, once, through several lives', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'journal-kill-'))
  const acknowledged: string[] = []
  for (let life = 1; life <= 4; life++) {
    acknowledged.push(...(await acknowledgedBeforeKill(dir, life)))
    const texts = await textsIn(dir)
    const kept = new Set(texts)
    expect(acknowledged.filter(text => !kept.has(text))).toEqual([])
    expect(kept.size).toBe(texts.length)
  }
  expect(acknowledged.length).toBeGreaterThan(1000)
  await rm(dir, { recursive: true })
})

test('a tail that a crash left half written is cut, and the journal goes on behind it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'journal-torn-'))
  const before = await openJournal({ dir, nowMs: () => 0 })
  for (const text of ['one', 'two']) await before.append(Buffer.from(text))
  await before.close()
  const segment = readdirSync(dir).find(name => name.endsWith('.segment')) ?? ''
  // A frame that says 100 bytes and has 5, as after a write that stopped in the middle.
  appendFileSync(join(dir, segment), Buffer.from([100, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
  const after = await openJournal({ dir, nowMs: () => 0 })
  expect(after.figures().tornBytes).toBe(13)
  await after.append(Buffer.from('three'))
  await after.close()
  expect(await textsIn(dir)).toEqual(['one', 'two', 'three'])
  await rm(dir, { recursive: true })
})

test('a write that the system refuses is told, and what fits afterwards is kept behind what was sound', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'journal-refused-'))
  const script = join(import.meta.dirname, 'refused-write-child.ts')
  // 64 kB a file: 72 records fit, and 160 bytes are left.
  const child = spawn('sh', ['-c', 'ulimit -f 128; exec "$0" "$1" "$2"', process.execPath, script, dir])
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  await once(child, 'close')
  const said = output.trimEnd().split('\n')
  expect(said.at(-2)).toBe('refused: journal-write-failed')
  const acknowledged = said.filter(line => !line.startsWith('refused'))
  expect(acknowledged.at(-1)).toBe('a short one')
  expect(await textsIn(dir)).toEqual(acknowledged)
  await rm(dir, { recursive: true })
})
