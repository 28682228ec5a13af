import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Journal, type JournalOptions, openJournal } from './journal.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'journal-'))
})
afterEach(() => rm(dir, { recursive: true }))

const open = (options: Partial<JournalOptions> = {}) => openJournal({ dir, nowMs: () => 0, ...options })
const bytes = (text: string) => Buffer.from(text)

async function textsFrom(journal: Journal, from = 0): Promise<string[]> {
  const texts: string[] = []
  for await (const { record } of journal.read({ from, follow: false })) texts.push(Buffer.from(record).toString())
  return texts
}

function segmentFiles(): string[] {
  return readdirSync(dir).filter(name => name.endsWith('.segment'))
}

test('records come back in the order they were appended, before and after a restart', async () => {
  const journal = await open()
  const texts = Array.from({ length: 500 }, (_, number) => `record ${number}`)
  await Promise.all(texts.map(text => journal.append(bytes(text))))
  expect(await textsFrom(journal)).toEqual(texts)
  await journal.close()
  const again = await open()
  expect(await textsFrom(again)).toEqual(texts)
  await again.close()
})

test('what waits while a write is in flight goes into the next one', async () => {
  const journal = await open()
  await Promise.all(Array.from({ length: 1000 }, (_, number) => journal.append(bytes(`${number}`))))
  const { commits, records } = journal.figures()
  expect(records).toBe(1000)
  expect(commits).toBeLessThan(10)
  await journal.close()
})

test('reading goes on from the `next` of any record', async () => {
  const journal = await open({ segmentMaxBytes: 64 })
  const offsets: number[] = []
  for (let number = 0; number < 20; number++) offsets.push(await journal.append(bytes(`record ${number}`)))
  expect(segmentFiles().length).toBeGreaterThan(3)
  expect(await textsFrom(journal, offsets[17])).toEqual(['record 17', 'record 18', 'record 19'])
  await journal.close()
  const again = await open({ segmentMaxBytes: 64 })
  expect(await textsFrom(again, offsets[17])).toEqual(['record 17', 'record 18', 'record 19'])
  await again.close()
})

test('a follower gets what comes later, and ends when it is aborted', async () => {
  const journal = await open()
  await journal.append(bytes('before'))
  const stop = new AbortController()
  const seen: string[] = []
  const following = (async () => {
    for await (const { record } of journal.read({ from: 0, follow: true, signal: stop.signal })) {
      seen.push(Buffer.from(record).toString())
      if (seen.length === 1) void journal.append(bytes('after'))
      if (seen.length === 2) setImmediate(() => stop.abort())
    }
  })()
  await following
  expect(seen).toEqual(['before', 'after'])
  await journal.close()
})

test('closing ends the followers', async () => {
  const journal = await open()
  const following = (async () => {
    for await (const _ of journal.read({ from: 0, follow: true })) break
    return 'ended'
  })()
  await journal.close()
  expect(await following).toBe('ended')
})

test('a consumer goes on where it checkpointed, after a restart too', async () => {
  const journal = await open()
  for (const text of ['a', 'b', 'c']) await journal.append(bytes(text))
  const consumer = journal.consumer('store')
  for await (const { next } of journal.read({ from: consumer.position(), follow: false })) {
    await consumer.checkpoint(next)
    break
  }
  await journal.close()
  const again = await open()
  expect(await textsFrom(again, again.consumer('store').position())).toEqual(['b', 'c'])
  await again.close()
})

test('a segment goes only when every consumer has passed it', async () => {
  const journal = await open({ segmentMaxBytes: 64 })
  const store = journal.consumer('store')
  const rules = journal.consumer('rules')
  for (let number = 0; number < 20; number++) await journal.append(bytes(`record ${number}`))
  const before = segmentFiles().length
  await store.checkpoint(journal.figures().endOffset)
  expect(segmentFiles().length).toBe(before)
  await rules.checkpoint(journal.figures().endOffset)
  expect(segmentFiles().length).toBe(1)
  expect(journal.figures().firstOffset).toBeGreaterThan(0)
  await journal.close()
})

test('a consumer that is not running holds back deletion', async () => {
  const first = await open({ segmentMaxBytes: 64 })
  first.consumer('rules')
  await first.close()
  const journal = await open({ segmentMaxBytes: 64 })
  const store = journal.consumer('store')
  for (let number = 0; number < 20; number++) await journal.append(bytes(`record ${number}`))
  await store.checkpoint(journal.figures().endOffset)
  expect(journal.figures().firstOffset).toBe(0)
  journal.forgetConsumer('rules')
  await journal.append(bytes('one more'))
  await store.checkpoint(journal.figures().endOffset)
  expect(journal.figures().firstOffset).toBeGreaterThan(0)
  await journal.close()
})

test('a full journal refuses, and takes again once its consumers have caught up', async () => {
  const journal = await open({ maxBytes: 4096 })
  const store = journal.consumer('store')
  const record = bytes('x'.repeat(200))
  let refusal: unknown
  while (refusal === undefined) await journal.append(record).catch((error: unknown) => (refusal = error))
  expect(refusal).toMatchObject({ code: 'journal-full' })
  await store.checkpoint(journal.figures().endOffset)
  await journal.append(record)
  await journal.close()
})

test('a record that rotted is passed over and counted; those behind it are read', async () => {
  const journal = await open()
  for (const text of ['one', 'two', 'three']) await journal.append(bytes(text))
  await journal.close()
  const path = join(dir, segmentFiles()[0] ?? '')
  const content = readFileSync(path)
  content[content.indexOf('two')] = 0
  writeFileSync(path, content)
  const again = await open()
  expect(await textsFrom(again)).toEqual(['one', 'three'])
  expect(again.figures()).toMatchObject({ damagedRecords: 1, tornBytes: 0 })
  await again.close()
})

test('a closed journal refuses', async () => {
  const journal = await open()
  await journal.close()
  await expect(journal.append(bytes('late'))).rejects.toMatchObject({ code: 'journal-closed' })
  await journal.close()
})

test('an empty record is refused: a tail of zeros must never look like records', async () => {
  const journal = await open()
  await expect(journal.append(bytes(''))).rejects.toMatchObject({ code: 'record-too-large' })
  await journal.close()
})
