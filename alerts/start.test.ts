import { Score } from '@forewarn/contracts/alerts-api'
import { ProcessHealth } from '@forewarn/contracts/health'
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

const text = (en: string) => ({ zh: en, en })
const position = { lon: 121.45, lat: 31.231, crs: 'WGS-84' as const }
let nextEpisode = 0

/** Each test its own episode, raised now, and both trucks free again at its end. */
function episode(changes: Parameters<typeof raised>[0] = {}) {
  const atMs = house.clock.nowMs()
  const placeId = changes.placeId ?? 'west'
  return raised({ ...changes, atMs, placeId, episodeId: `${placeId}.waterlogging.${startMs + ++nextEpisode}` })
}

async function clear({ episodeId }: { episodeId: string }, step = 50) {
  const reason = text('dry for ten minutes')
  await house.say({ kind: 'cleared', episodeId, step, atMs: house.clock.nowMs(), mode: 'exercise', reason })
  return house.until(episodeId, ({ clearedAtMs }) => clearedAtMs !== undefined)
}

function commandOn(
  warning: { id: string; version: number },
  action: 'acknowledge' | 'veto' | 'acknowledge-and-dispatch',
) {
  const seenAtMs = house.clock.nowMs()
  return {
    commandId: crypto.randomUUID(),
    warningId: warning.id,
    expectedVersion: warning.version,
    action,
    by: 'Li Chen',
    seenAtMs,
  }
}

function messagesOf(orderId: string | undefined) {
  return broker.orders.filter(order => order.orderId === orderId).map(({ action }) => action)
}

test('the truck is ordered before anyone acknowledges, and its way is followed to the end', async () => {
  const said = episode()
  await house.say(said)
  const reserved = await house.until(said.episodeId, ({ orders }) => orders[0]?.state === 'reserved')
  expect(reserved.state).toBe('active-unacknowledged')
  expect(reserved.orders[0]).toMatchObject({ unitId: 'p1', stagingPointId: 'west-dry', mode: 'exercise' })
  expect(reserved.orders[0]?.marginMin).toBeGreaterThan(10)
  const orderId = reserved.orders[0]?.id
  await broker.until(orders => orders.some(order => order.orderId === orderId))
  expect(broker.orders[0]).toMatchObject({ action: 'go', unitId: 'p1', mode: 'exercise' })
  const moving = await house.until(said.episodeId, ({ orders }) => orders[0]?.state === 'moving')
  expect(moving.acknowledgedAtMs).toBeUndefined()
  const stagedAtMs = house.clock.nowMs()
  await broker.report({ unitId: 'p1', orderId, state: 'staged', position, atMs: stagedAtMs })
  await house.until(said.episodeId, ({ orders }) => orders[0]?.state === 'staged')
  await broker.report({ unitId: 'p1', orderId, state: 'working', position, atMs: stagedAtMs + 60_000 })
  const working = await house.until(said.episodeId, ({ orders }) => orders[0]?.state === 'working')
  expect(working.orders[0]?.stagedAtMs).toBe(stagedAtMs)
  const cleared = await clear(said)
  expect(cleared.orders[0]?.state).toBe('released')
  await broker.until(() => messagesOf(orderId).length === 2)
  expect(messagesOf(orderId)).toEqual(['go', 'stand-down'])
})

test('one key acknowledges and sends, without waiting for the veto window', async () => {
  const said = episode({ level: 'yellow' })
  await house.say(said)
  const warning = await house.until(said.episodeId, ({ orders }) => orders.length === 1)
  const { status, answer } = await house.command(commandOn(warning, 'acknowledge-and-dispatch'))
  expect([status, answer.result]).toEqual([200, 'taken'])
  expect(answer.warning).toMatchObject({ state: 'active-acknowledged', acknowledgedBy: 'Li Chen' })
  expect(answer.warning?.orders[0]?.state).toBe('moving')
  await clear(said)
})

test('a veto inside the window keeps the truck at home', async () => {
  const said = episode()
  await house.say(said)
  const warning = await house.until(said.episodeId, ({ orders }) => orders[0]?.state === 'reserved')
  const { answer } = await house.command({ ...commandOn(warning, 'veto'), reason: 'road works' })
  expect(answer.warning?.orders.map(({ state }) => state)).toEqual(['stood-down'])
  expect(messagesOf(warning.orders[0]?.id)).toEqual([])
  await clear(said)
})

test('the same command twice is taken once; of two officers the first wins', async () => {
  const said = episode()
  await house.say(said)
  const warning = await house.until(said.episodeId, ({ orders }) => orders.length === 1)
  const first = commandOn(warning, 'acknowledge')
  const second = { ...commandOn(warning, 'acknowledge'), by: 'Wang Min' }
  expect((await house.command(first)).answer.result).toBe('taken')
  expect((await house.command(first)).answer.result).toBe('taken-before')
  const lost = await house.command(second)
  expect([lost.status, lost.answer.result, lost.answer.detail]).toEqual([409, 'somebody-was-first', 'Li Chen'])
  const acknowledged = lost.answer.warning?.timeline.filter(({ event }) => event === 'acknowledged')
  expect(acknowledged).toHaveLength(1)
  await clear(said)
})

test('a newer forecast does not cost a key press, a risen level does', async () => {
  const said = episode({ level: 'yellow' })
  await house.say(said)
  const seen = await house.until(said.episodeId, ({ orders }) => orders.length === 1)
  await house.say({ ...said, kind: 'changed', step: 1, probability: 0.9 })
  await house.until(said.episodeId, ({ probability }) => probability === 0.9)
  await house.say({ ...said, kind: 'changed', step: 2, level: 'red' })
  const red = await house.until(said.episodeId, ({ level }) => level === 'red')
  const blind = await house.command(commandOn(seen, 'acknowledge'))
  expect([blind.status, blind.answer.result]).toEqual([422, 'not-possible'])
  expect((await house.command(commandOn(red, 'acknowledge'))).answer.result).toBe('taken')
  expect(red.orders.filter(({ state }) => state !== 'stood-down')).toHaveLength(2)
  await clear(said)
})

test('when all trucks are out the next place waits, is told so, and gets the first that is free', async () => {
  const both = episode({ level: 'red' })
  await house.say(both)
  await house.until(both.episodeId, ({ orders }) => orders.length === 2)
  const waiting = episode({ placeId: 'far', plan: 'pump-truck' })
  await house.say(waiting)
  const unmet = await house.until(waiting.episodeId, ({ timeline }) =>
    timeline.some(({ event }) => event === 'no-unit'),
  )
  expect(unmet.orders).toEqual([])
  await clear(both)
  const served = await house.until(waiting.episodeId, ({ orders }) => orders.length === 1)
  expect(served.orders[0]?.unitId).toBe('p2')
  await clear(waiting)
})

test('a truck that breaks down is replaced', async () => {
  const said = episode()
  await house.say(said)
  const moving = await house.until(said.episodeId, ({ orders }) => orders[0]?.state === 'moving')
  const orderId = moving.orders[0]?.id
  const unitId = moving.orders[0]?.unitId ?? ''
  await broker.report({ unitId, orderId, state: 'broken-down', position, atMs: house.clock.nowMs() })
  const replaced = await house.until(said.episodeId, ({ orders }) => orders.length === 2)
  expect(replaced.orders.map(({ state }) => state === 'stood-down')).toEqual([true, false])
  expect(replaced.orders[1]?.unitId).not.toBe(unitId)
  await clear(said)
  await broker.report({ unitId, state: 'free', position, atMs: house.clock.nowMs() })
})

test('nobody answers: officer, shift lead and district chief are rung once each', async () => {
  const said = episode({ plan: 'none' })
  await house.say(said)
  const top = await house.until(said.episodeId, ({ escalation }) => escalation === 2)
  expect(top.timeline.map(({ event }) => event)).toEqual(['raised', 'escalated', 'escalated'])
  expect(top.escalatesAtMs).toBeUndefined()
  expect(await house.metrics.text()).toMatch(/forewarn_rings_total\{role="shift-lead",mode="exercise"\} \d/)
  await clear(said)
})

test('the same episode event twice changes nothing, in whatever way it comes', async () => {
  const said = episode({ plan: 'none' })
  await house.say(said)
  await house.until(said.episodeId, () => true)
  await house.say(said)
  await house.episodes.add([{ jobId: `${said.episodeId}.again`, name: 'raised', data: said }])
  const cleared = await clear(said)
  expect(cleared.timeline.map(({ event }) => event).filter(event => event === 'raised')).toHaveLength(1)
})

test('a house on exercise takes nothing for real', async () => {
  const said = episode({ mode: 'actual' })
  await house.say(said)
  const warning = await house.until(said.episodeId, ({ orders }) => orders.length === 1)
  expect([warning.mode, warning.orders[0]?.mode]).toEqual(['exercise', 'exercise'])
  await clear(said)
})

test('an episode that cannot be read is refused with its reason, and the next one is taken', async () => {
  await house.episodes.add([{ jobId: 'broken-episode', name: 'raised', data: { kind: 'raised', level: 'purple' } }])
  const said = episode({ plan: 'none' })
  await house.say(said)
  await house.until(said.episodeId, () => true)
  const health = ProcessHealth.parse(await (await house.ask('/health')).json())
  expect(health.checks.find(({ name }) => name === 'episodes')).toMatchObject({ status: 'warning' })
  expect(await house.metrics.text()).toContain('forewarn_episodes_refused_total 1')
  await clear(said)
})

test('outcomes are kept, those of events nobody warned of too', async () => {
  const { episodeId, placeId, hazard, rule, ruleVersion, mode, atMs } = episode()
  const common = { kind: 'verified' as const, step: 0, placeId, hazard, rule, ruleVersion, mode, atMs }
  await house.say({ ...common, episodeId, outcome: 'missed' })
  const said = episode({ plan: 'none' })
  await house.say(said, { ...common, episodeId: said.episodeId, step: 60, outcome: 'hit', leadMin: 18 })
  await house.until(said.episodeId, ({ outcome }) => outcome?.outcome === 'hit')
  const score = Score.parse(await (await house.ask('/score')).json())
  expect(score).toMatchObject({ pod: 0.5, leadMinMedian: 18 })
})

test('events resume after the last one seen, without gap or repeat', async () => {
  const { lastEventId } = await house.snapshot()
  const said = episode({ plan: 'none' })
  await house.say(said)
  await house.until(said.episodeId, () => true)
  const stopping = new AbortController()
  const response = await house.ask('/events', {
    headers: { 'last-event-id': String(lastEventId) },
    signal: stopping.signal,
  })
  let seen = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    seen += chunk
    if (seen.includes(said.episodeId)) break
  }
  stopping.abort()
  expect(seen).toContain(`id: ${lastEventId + 1}\nevent: warning\ndata: {"type":"warning"`)
  await clear(said)
})

test('the inner API answers nobody without the token, and says what is wrong with a command', async () => {
  expect((await fetch(`${house.url}/warnings`)).status).toBe(401)
  const init = { method: 'POST', body: '{"action":"dance"}', headers: { 'content-type': 'application/json' } }
  const refused = await house.ask('/commands', init)
  expect(refused.status).toBe(422)
  expect(await refused.text()).toContain('acknowledge-and-dispatch')
  expect((await house.ask('/warnings/nothing')).status).toBe(404)
})
