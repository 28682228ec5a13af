import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { journalConformance, textsFrom } from './conformance.ts'
import { type JournalOptions, openJournal } from './journal.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'journal-'))
})
afterEach(() => rm(dir, { recursive: true }))

const open = (options: Partial<JournalOptions> = {}) => openJournal({ dir, nowMs: () => 0, ...options })
const bytes = (text: string) => Buffer.from(text)

function segmentFiles(): string[] {
  return readdirSync(dir).filter(name => name.endsWith('.segment'))
}

journalConformance(async () => ({ open }))

test('reading goes on in any segment', async () => {
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
