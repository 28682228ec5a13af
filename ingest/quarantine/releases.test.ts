import { formatColumns } from '@forewarn/contracts/columns'
import { QuarantineAnswer, QuarantineEntry, QuarantineProblem } from '@forewarn/contracts/quarantine'
import { qualityFlag } from '@forewarn/contracts/reading'
import { expect, test } from 'vitest'
import { type OpenIngest, openIngest, startMs } from '../open-ingest.ts'

const readings = 'fw/1/jingan/gw-1/readings'
const by = 'Li Wei'

async function newestId(house: OpenIngest): Promise<string> {
  return (await house.quarantine()).newest[0]?.id ?? ''
}

async function entry(house: OpenIngest, id: string): Promise<QuarantineEntry> {
  return QuarantineEntry.parse(await (await house.ask(`/quarantine/${id}`)).json())
}

async function release(house: OpenIngest, id: string, body: object = {}) {
  const answer = await house.ask(`/quarantine/${id}/release`, { by, ...body })
  const said = await answer.json()
  return answer.ok ? QuarantineAnswer.parse(said) : QuarantineProblem.parse(said)
}

test('a renamed sensor is released under its right name, at its time, marked as late, once', async () => {
  await using house = await openIngest()
  await house.say(readings, [
    { bt: startMs / 1000 - 60, n: 'gauge-1', v: 0.4 },
    { n: 'old-depth', v: 0.3 },
  ])
  const id = await newestId(house)
  house.clock.advance(3_600_000)
  expect(await release(house, id)).toMatchObject({
    code: 'refused-again',
    status: 422,
    title: expect.stringContaining('old-depth'),
  })
  expect(await release(house, id, { rename: { 'old-depth': 'depth-1' } })).toEqual({
    id,
    state: 'released',
    readings: 1,
  })
  expect((await house.rows()).slice(1)).toEqual([
    {
      sensor: 'depth-1',
      value: 0.3,
      measuredAtMs: startMs - 60_000,
      receivedAtMs: startMs,
      quality: qualityFlag.backlog,
    },
  ])
  expect(await release(house, id, { rename: { 'old-depth': 'depth-1' } })).toMatchObject({ code: 'decided-already' })
  expect(await house.rows()).toHaveLength(2)
})

test('a corrected payload and topic are taken instead of the original, which is kept as it came', async () => {
  await using house = await openIngest()
  await house.say('fw/1/jingan/gw-1/reading', '[{"n":"depth-1","v":0.3,}]')
  const id = await newestId(house)
  const payload = '[{"n":"depth-1","v":0.3}]'
  expect(await release(house, id, { payload })).toMatchObject({ title: expect.stringContaining('unknown-topic') })
  expect(await release(house, id, { payload, topic: readings, note: 'a comma too many' })).toMatchObject({
    readings: 1,
  })
  expect(await house.rows()).toMatchObject([{ sensor: 'depth-1', value: 0.3, measuredAtMs: startMs }])
  expect(await entry(house, id)).toMatchObject({
    original: '[{"n":"depth-1","v":0.3,}]',
    state: 'released',
    decision: { by, atMs: startMs, as: 'released', readings: 1, note: 'a comma too many' },
  })
})

test('a sensor of another gateway cannot be spoken for by a release either', async () => {
  await using house = await openIngest()
  await house.say(readings, [{ n: 'depth-2', v: 0.3 }])
  const id = await newestId(house)
  expect(await release(house, id)).toMatchObject({
    code: 'refused-again',
    title: expect.stringContaining('wrong-gateway'),
  })
  const stolen = { topic: 'fw/1/jingan/gw-2/readings' }
  expect(await release(house, id, stolen)).toMatchObject({ title: expect.stringContaining('foreign-topic') })
  expect(await house.rows()).toEqual([])
})

test('who decided what and when is known after a restart, and a decision is not made twice', async () => {
  const before = await openIngest()
  await before.say(readings, 'nonsense')
  await before.say(readings, [{ n: 'gauge-9', v: 1 }])
  const [second, first] = (await before.quarantine()).newest.map(({ id }) => id ?? '')
  await before.ask(`/quarantine/${first}/discard`, { by, note: 'a test of the installer' })
  await release(before, second ?? '', { rename: { 'gauge-9': 'gauge-1' } })
  await using house = await before.restart()
  expect((await house.quarantine()).newest.map(({ state }) => state)).toEqual(['released', 'discarded'])
  expect(await entry(house, first ?? '')).toMatchObject({
    decision: { by, as: 'discarded', note: 'a test of the installer' },
  })
  expect(await release(house, first ?? '')).toMatchObject({
    code: 'decided-already',
    title: expect.stringContaining(by),
  })
  await house.say(readings, 'more nonsense')
  expect(Number(await newestId(house))).toBe(Number(second) + 1)
})

test('of a big message the refused records are kept with what they need, and released alone', async () => {
  await using house = await openIngest()
  const many = Array.from({ length: 400 }, (_, index) => ({ n: 'gauge-1', t: index, v: 0.1 }))
  await house.say(readings, [
    { bn: '', bt: startMs / 1000 - 500, n: 'gauge-1', v: 0 },
    ...many,
    { n: 'gauge-9', t: 77, v: 0.7 },
  ])
  const id = await newestId(house)
  expect((await entry(house, id)).original.length).toBeLessThan(4096)
  expect(await release(house, id, { rename: { 'gauge-9': 'gauge-1' } })).toMatchObject({ readings: 1 })
  expect((await house.rows()).at(-1)).toMatchObject({ value: 0.7, measuredAtMs: startMs - 500_000 + 77_000 })
  expect(await house.rows()).toHaveLength(402)
})

test('an original of 100 kB is kept whole and can be released', async () => {
  await using house = await openIngest()
  const wrong = JSON.stringify(Array.from({ length: 3000 }, (_, t) => ({ n: 'gauge-1', t: -t, v: 0.1 })))
  await house.say('fw/1/jingan/gw-1/readigns', wrong)
  const id = await newestId(house)
  expect((await house.quarantine()).newest[0]?.original).toHaveLength(4096)
  expect((await entry(house, id)).original).toBe(wrong)
  expect(await release(house, id, { topic: readings })).toMatchObject({ readings: 3000 })
})

test('columns that came before their birth are released by it, without anybody', async () => {
  await using house = await openIngest()
  const message = { birth: 3, seq: 5, backlog: false, t: startMs - 1000, i: [0, 1], d: undefined, v: [0.3, 0.1] }
  await house.say('fw/1/jingan/gw-1/columns', formatColumns(message))
  await house.say('fw/1/jingan/gw-1/columns', formatColumns({ ...message, birth: 4 }))
  house.clock.advance(5000)
  await house.say('fw/1/jingan/gw-1/birth', { birth: 3, sensors: ['depth-1', 'gauge-1'] })
  await using later = await house.restart()
  expect(await later.rows()).toMatchObject([
    { sensor: 'depth-1', value: 0.3, measuredAtMs: startMs - 1000, receivedAtMs: startMs },
    { sensor: 'gauge-1', value: 0.1 },
  ])
  const { newest } = await later.quarantine()
  expect(newest).toMatchObject([
    { detail: expect.stringContaining('birth 4'), state: 'waiting' },
    { detail: expect.stringContaining('birth 3'), state: 'released' },
  ])
})

test.each([
  ['before its append', 'before', 0],
  ['after its append and before it was noted', 'after', 1],
])('a release that was killed %s is finished at the next start, once', async (_, when, rowsAtDeath) => {
  let isDying = false
  const dying = await openIngest({
    journalThrough: journal => ({
      ...journal,
      async append(record) {
        if (isDying && when === 'before') throw new Error('killed')
        const offset = await journal.append(record)
        if (isDying) throw new Error('killed')
        return offset
      },
    }),
  })
  await dying.say(readings, [
    { n: 'gauge-9', v: 0.2 },
    { n: 'gauge-9', t: -1, v: 0.1 },
  ])
  const id = await newestId(dying)
  isDying = true
  const answer = await dying.ask(`/quarantine/${id}/release`, { by, rename: { 'gauge-9': 'gauge-1' } })
  expect(answer.status).toBe(500)
  expect(await dying.rows()).toHaveLength(2 * rowsAtDeath)
  await using house = await dying.restartWith({})
  expect((await house.rows()).map(({ value }) => value)).toEqual([0.2, 0.1])
  expect(await entry(house, id)).toMatchObject({ state: 'released', decision: { by, readings: 2 } })
})

test('a release that the journal refused waits on and can be made again', async () => {
  let isFull = false
  await using house = await openIngest({
    journalThrough: journal => ({
      ...journal,
      append: record => (isFull ? Promise.reject(new Error('journal-full')) : journal.append(record)),
    }),
  })
  await house.say(readings, [{ n: 'gauge-9', v: 0.2 }])
  const id = await newestId(house)
  isFull = true
  const rename = { 'gauge-9': 'gauge-1' }
  expect((await house.ask(`/quarantine/${id}/release`, { by, rename })).status).toBe(500)
  isFull = false
  expect(await release(house, id, { rename })).toMatchObject({ readings: 1 })
  expect(await house.rows()).toHaveLength(1)
})

test.each([
  ['an entry that is none', '/quarantine/77/release', { by }, 404],
  ['an id that is no number', '/quarantine/x%2f../release', { by }, 404],
  ['nobody’s name', '/quarantine/1/release', {}, 400],
  ['a rename that is none', '/quarantine/1/release', { by, rename: [1] }, 400],
])('%s is answered with its problem', async (_, path, body, status) => {
  await using house = await openIngest()
  await house.say(readings, 'nonsense')
  expect((await house.ask(path, body)).status).toBe(status)
})

test('what counts already, such as a reading with a wrong clock, is not released a second time', async () => {
  await using house = await openIngest()
  await house.say(readings, [{ n: 'gauge-1', t: startMs / 1000 - 97_200, v: 0.2 }])
  expect(await release(house, await newestId(house))).toMatchObject({ code: 'decided-already' })
  expect(await house.rows()).toHaveLength(1)
})
