/**
 * What every journal promises, wherever it is kept: the one in files and the one in Redis pass the same suite.
 */
import { beforeEach, expect, test } from 'vitest'
import type { Journal } from './journal.ts'

export interface JournalUnderTest {
  /** Opens the journal of this test, the same one each time. */
  open(options?: { readonly maxBytes?: number }): Promise<Journal>
}

const bytes = (text: string) => Buffer.from(text)

/** All texts from `from` on. */
export async function textsFrom(journal: Journal, from = 0): Promise<string[]> {
  const texts: string[] = []
  for await (const { record } of journal.read({ from, follow: false })) texts.push(Buffer.from(record).toString())
  return texts
}

/** Registers the suite; `fresh` gives an empty journal for each test. */
export function journalConformance(fresh: () => Promise<JournalUnderTest>): void {
  let under: JournalUnderTest
  beforeEach(async () => {
    under = await fresh()
  })
  orderTests(() => under)
  followTests(() => under)
  consumerTests(() => under)
  limitTests(() => under)
}

type Under = () => JournalUnderTest

function orderTests(under: Under): void {
  test('records come back in the order they were appended, before and after a restart', async () => {
    const journal = await under().open()
    const texts = Array.from({ length: 500 }, (_, number) => `record ${number}`)
    await Promise.all(texts.map(text => journal.append(bytes(text))))
    expect(await textsFrom(journal)).toEqual(texts)
    await journal.close()
    const again = await under().open()
    expect(await textsFrom(again)).toEqual(texts)
    await again.append(bytes('one more'))
    expect(await textsFrom(again)).toEqual([...texts, 'one more'])
    await again.close()
  })

  test('what waits while a write is in flight goes into the next one', async () => {
    const journal = await under().open()
    await Promise.all(Array.from({ length: 1000 }, (_, number) => journal.append(bytes(`${number}`))))
    const { commits, records } = journal.figures()
    expect(records).toBe(1000)
    expect(commits).toBeLessThan(10)
    await journal.close()
  })

  test('reading goes on from the offset or the `next` of any record', async () => {
    const journal = await under().open()
    const offsets = await Promise.all(
      Array.from({ length: 20 }, (_, number) => journal.append(bytes(`record ${number}`))),
    )
    expect(await textsFrom(journal, offsets[17])).toEqual(['record 17', 'record 18', 'record 19'])
    await journal.close()
    const again = await under().open()
    expect(await textsFrom(again, offsets[17])).toEqual(['record 17', 'record 18', 'record 19'])
    expect(await textsFrom(again, again.end())).toEqual([])
    await again.close()
  })
}

function followTests(under: Under): void {
  test('a follower gets what comes later, and ends when it is aborted', async () => {
    const journal = await under().open()
    await journal.append(bytes('before'))
    const stop = new AbortController()
    const seen: string[] = []
    for await (const { record } of journal.read({ from: 0, follow: true, signal: stop.signal })) {
      seen.push(Buffer.from(record).toString())
      if (seen.length === 1) void journal.append(bytes('after'))
      if (seen.length === 2) setImmediate(() => stop.abort())
    }
    expect(seen).toEqual(['before', 'after'])
    await journal.close()
  })

  test('closing ends the followers', async () => {
    const journal = await under().open()
    const following = (async () => {
      for await (const _ of journal.read({ from: 0, follow: true })) break
      return 'ended'
    })()
    await journal.close()
    expect(await following).toBe('ended')
  })

  test('whoever waits for more hears of it, and of the end', async () => {
    const journal = await under().open()
    const more = journal.moreThan(0)
    await journal.append(bytes('more'))
    expect(await more).toBe(true)
    const none = journal.moreThan(journal.end())
    await journal.close()
    expect(await none).toBe(false)
  })
}

function consumerTests(under: Under): void {
  test('a consumer goes on where it checkpointed, after a restart too', async () => {
    const journal = await under().open()
    for (const text of ['a', 'b', 'c']) await journal.append(bytes(text))
    const consumer = journal.consumer('store')
    for await (const { next } of journal.read({ from: consumer.position(), follow: false })) {
      await consumer.checkpoint(next)
      break
    }
    await journal.close()
    const again = await under().open()
    expect(await textsFrom(again, again.consumer('store').position())).toEqual(['b', 'c'])
    await again.close()
  })

  test('a smaller checkpoint than before changes nothing', async () => {
    const journal = await under().open()
    for (const text of ['a', 'b', 'c']) await journal.append(bytes(text))
    const consumer = journal.consumer('store')
    await consumer.checkpoint(journal.end())
    await consumer.checkpoint(1)
    expect(consumer.position()).toBe(journal.end())
    expect(journal.figures().consumers).toEqual([{ name: 'store', position: journal.end() }])
    await journal.close()
  })

  test('nothing is deleted that a consumer has not passed, whether it runs or not', async () => {
    const first = await under().open({ maxBytes: 4096 })
    first.consumer('rules')
    await first.close()
    const journal = await under().open({ maxBytes: 4096 })
    const store = journal.consumer('store')
    const texts = Array.from({ length: 20 }, (_, number) => `record ${number} ${'x'.repeat(80)}`)
    for (const text of texts) await journal.append(bytes(text))
    await store.checkpoint(journal.end())
    expect(await textsFrom(journal)).toEqual(texts)
    await journal.consumer('rules').checkpoint(journal.end())
    expect(journal.figures().firstOffset).toBeGreaterThan(0)
    expect((await textsFrom(journal)).length).toBeLessThan(20)
    await journal.close()
  })

  test('a name that is none is refused', async () => {
    const journal = await under().open()
    expect(() => journal.consumer('../rules')).toThrow(RangeError)
    await journal.close()
  })
}

function limitTests(under: Under): void {
  test('a full journal refuses, and takes again once its consumers have caught up', async () => {
    const journal = await under().open({ maxBytes: 4096 })
    const store = journal.consumer('store')
    const record = bytes('x'.repeat(200))
    let refusal: unknown
    while (refusal === undefined) await journal.append(record).catch((error: unknown) => (refusal = error))
    expect(refusal).toMatchObject({ code: 'journal-full' })
    await store.checkpoint(journal.end())
    await journal.append(record)
    await journal.close()
  })

  test('a closed journal refuses, and an empty record is none', async () => {
    const journal = await under().open()
    await expect(journal.append(bytes(''))).rejects.toMatchObject({ code: 'record-too-large' })
    await journal.close()
    await expect(journal.append(bytes('late'))).rejects.toMatchObject({ code: 'journal-closed' })
    await journal.close()
  })
}
