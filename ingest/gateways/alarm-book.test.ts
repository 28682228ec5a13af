import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeptAlarm, type LocalAlarm } from '@forewarn/contracts/gateway-messages'
import { topicOf } from '@forewarn/contracts/topics'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { openIngest, startMs } from '../open-ingest.ts'
import { openAlarmBook } from './alarm-book.ts'

function alarm(id: string): LocalAlarm {
  const what = { rule: 'deep-water', place: 'p', hazard: 'waterlogging', sensor: 'depth-1', value: 0.4, outputs: [] }
  return { id, ...what, raisedAtMs: startMs }
}

test('an alarm that was acknowledged is there after a kill, under its number, for whoever asks', async () => {
  const before = await openIngest()
  const topic = topicOf({ district: 'jingan', gateway: 'gw-1', channel: 'alarm' })
  await before.say(topic, alarm('a'))
  await before.say(topic, alarm('b'))
  await using house = await before.restart()
  const ask = async (after: number) => {
    return z.array(KeptAlarm).parse(await (await house.ask(`/alarms?after=${after}`)).json())
  }
  const found = await ask(0)
  expect(found).toMatchObject([
    { gateway: 'gw-1', alarm: { id: 'a' } },
    { gateway: 'gw-1', alarm: { id: 'b' } },
  ])
  expect(await ask(found[0]?.number ?? 0)).toEqual(found.slice(1))
  await house.say(topic, alarm('c'))
  expect(await ask(found[1]?.number ?? 0)).toMatchObject([{ alarm: { id: 'c' } }])
})

test('numbers go on when the folder was lost, so that no reader waits for ever', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'alarm-book-'))
  const book = await openAlarmBook({ dir })
  await book.keep(alarm('a'), { gateway: 'gw-1', receivedAtMs: startMs })
  await book.keep(alarm('b'), { gateway: 'gw-1', receivedAtMs: startMs })
  const last = book.after(0).at(-1)?.number ?? 0
  await book.close()
  rmSync(dir, { recursive: true })
  const empty = await openAlarmBook({ dir })
  await empty.keep(alarm('c'), { gateway: 'gw-1', receivedAtMs: startMs + 1000 })
  expect(empty.after(last)).toMatchObject([{ alarm: { id: 'c' } }])
  await empty.close()
  rmSync(dir, { recursive: true })
})

test('a status is answered with the house’s time, under its own time', async () => {
  await using house = await openIngest()
  await house.say(topicOf({ district: 'jingan', gateway: 'gw-1', channel: 'status' }), { state: 'online', atMs: 4711 })
  expect(house.down).toHaveLength(1)
  expect(JSON.parse(String(house.down[0]?.payload))).toEqual({ kind: 'time', id: '4711', houseMs: startMs })
})
