import type { KeptAlarm, LocalAlarm } from '@forewarn/contracts/gateway-messages'
import type { Warning } from '@forewarn/contracts/warning'
import { type InnerServer, startInnerServer } from '@forewarn/runtime/inner-server'
import { startTestPostgres, type TestPostgres } from '@forewarn/runtime/test-postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { innerToken, raised, startMs, startTestBroker, startTestHouse, type TestBroker } from './test-house.ts'

let database: TestPostgres
let broker: TestBroker
let ingest: InnerServer
/** What ingest has in its book. */
const book: KeptAlarm[] = []

beforeAll(async () => {
  database = await startTestPostgres()
  broker = await startTestBroker()
  ingest = await startInnerServer({
    token: innerToken,
    routes: server => {
      server.get('/alarms', request => {
        const { after } = z.object({ after: z.coerce.number() }).parse(request.query)
        return Promise.resolve(book.filter(({ number }) => number > after).slice(0, 2))
      })
    },
  })
})
afterAll(async () => {
  await ingest?.stop()
  await broker?.stop()
  await database?.[Symbol.asyncDispose]()
})

function alarm(id: string, changes: Partial<LocalAlarm> = {}): LocalAlarm {
  const rest = { rule: 'deep-water', place: 'west', hazard: 'waterlogging', sensor: 'depth-west', value: 0.31 }
  return { id, ...rest, raisedAtMs: startMs - 20 * 60_000, outputs: ['siren'], ...changes }
}

function arrive(said: LocalAlarm, gateway = 'gw-west') {
  book.push({ number: startMs + book.length, gateway, receivedAtMs: startMs, alarm: said })
}

function alarmLines(warning: Warning): string[] {
  return warning.timeline.filter(({ event }) => event.startsWith('local-alarm')).map(({ event }) => event)
}

function open() {
  return startTestHouse({ databaseUrl: database.url, broker, ingestUrl: ingest.url })
}

test('an alarm is shown once in its warning, whoever comes first, however often it is delivered, over restarts', async () => {
  // Before its warning, twice, and one of another place's hazard that never gets a warning.
  arrive(alarm('a1'))
  arrive(alarm('a1'))
  arrive(alarm('z1', { hazard: 'fire' }))
  const house = await open()
  await expect.poll(house.waitingAlarms, { timeout: 20_000 }).toBe(2)
  const { episodeId } = raised()
  await house.say(raised())
  const shown = await house.until(episodeId, warning => alarmLines(warning).length > 0)
  expect(shown.timeline.find(({ event }) => event === 'local-alarm')?.detail.en).toMatch(/depth-west said 0.31.*siren/)
  expect(await house.waitingAlarms()).toBe(1)
  // After it, again and again, and over at last.
  arrive(alarm('a1', { clearedAtMs: startMs + 60_000 }))
  arrive(alarm('a1'))
  await house.until(episodeId, warning => alarmLines(warning).length === 2)
  await house.stop()
  arrive(alarm('a1', { clearedAtMs: startMs + 60_000 }))
  arrive(alarm('a2', { raisedAtMs: startMs }))
  const again = await open()
  const last = await again.until(episodeId, warning => alarmLines(warning).length >= 3)
  expect(alarmLines(last)).toEqual(['local-alarm', 'local-alarm-cleared', 'local-alarm'])
  await again.stop()
})

test('an alarm that the registry contradicts is not shown, and holds up none behind it', async () => {
  const house = await open()
  const episodeId = `east.waterlogging.${startMs}`
  await house.say(raised({ episodeId, placeId: 'east' }))
  const east = { place: 'east', sensor: 'depth-east' }
  arrive(alarm('b1', east), 'gw-west')
  arrive(alarm('b2', { ...east, sensor: 'depth-nowhere' }), 'gw-east')
  arrive(alarm('b3', { ...east, sensor: 'depth-west' }), 'gw-west')
  arrive(alarm('b4', east), 'gw-east')
  const shown = await house.until(episodeId, warning => alarmLines(warning).length > 0)
  expect(alarmLines(shown)).toEqual(['local-alarm'])
  await house.stop()
})

test('an alarm long before or after a warning does not belong to it', async () => {
  const house = await open()
  const waitingBefore = (await house.waitingAlarms()) ?? 0
  const far = { place: 'far', sensor: 'depth-far' }
  const episodeId = `far.waterlogging.${startMs}`
  await house.say(raised({ episodeId, placeId: 'far' }))
  await house.until(episodeId, () => true)
  arrive(alarm('c1', { ...far, raisedAtMs: startMs - 5 * 3_600_000, clearedAtMs: startMs - 4 * 3_600_000 }), 'gw-far')
  await expect.poll(house.waitingAlarms, { timeout: 20_000 }).toBe(waitingBefore + 1)
  const after = await house.until(episodeId, () => true)
  expect(alarmLines(after)).toEqual([])
  await house.stop()
})
