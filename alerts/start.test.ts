import { startTestPostgres, type TestPostgres } from '@forewarn/runtime/test-postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { raised, startMs, startTestBroker, startTestHouse, type TestBroker, type TestHouse } from './test-house.ts'

let database: TestPostgres
let broker: TestBroker
let house: TestHouse

beforeAll(async () => {
  database = await startTestPostgres()
  broker = await startTestBroker()
  house = await startTestHouse({ databaseUrl: database.url, broker })
})
afterAll(async () => {
  await house?.stop()
  await broker?.stop()
  await database?.[Symbol.asyncDispose]()
})

const id = `west.waterlogging.${startMs}`

test('the truck is ordered before anyone acknowledges, and its way is followed to the end', async () => {
  await house.say(raised())
  const reserved = await house.until(id, ({ orders }) => orders[0]?.state === 'reserved')
  expect(reserved.state).toBe('active-unacknowledged')
  expect(reserved.orders[0]).toMatchObject({ unitId: 'p1', stagingPointId: 'west-dry', mode: 'exercise' })
  await broker.until(orders => orders.length === 1)
  expect(broker.orders[0]).toMatchObject({ action: 'go', unitId: 'p1', mode: 'exercise' })
  const moving = await house.until(id, ({ orders }) => orders[0]?.state === 'moving')
  expect(moving.acknowledgedAtMs).toBeUndefined()
  const orderId = moving.orders[0]?.id ?? ''
  const position = { lon: 121.45, lat: 31.231, crs: 'WGS-84' as const }
  await broker.report({ unitId: 'p1', orderId, state: 'staged', position, atMs: startMs + 300_000 })
  const staged = await house.until(id, ({ orders }) => orders[0]?.state === 'staged')
  expect(staged.orders[0]?.stagedAtMs).toBe(startMs + 300_000)
})
