/** The console's server, over real HTTP, with small servers standing at the other end of the inner wires. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WarningsSnapshot } from '@forewarn/contracts/alerts-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { innerToken, password, startMs, startTestConsole, type TestConsole } from './fixtures/test-console.ts'
import { stormWarnings, underpassWarning } from './fixtures/warnings.ts'
import { readEvents, type SseMessage } from './sse.ts'

let test1: TestConsole
let cookie = ''

beforeAll(async () => {
  test1 = await startTestConsole({ triesPerMinute: 100 })
  test1.house.setWarnings(stormWarnings(startMs))
  cookie = await signedIn(test1.running.url, '李晨')
})
afterAll(() => test1[Symbol.asyncDispose]())

function signIn(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/api/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url, ...headers },
    body: JSON.stringify(body),
  })
}

async function signedIn(url: string, name: string): Promise<string> {
  const response = await signIn(url, { name, password })
  expect(response.status).toBe(200)
  return response.headers.get('set-cookie')?.split(';')[0] ?? ''
}

const Json = z.record(z.string(), z.unknown())

function get(path: string, headers: Record<string, string> = { cookie }): Promise<Response> {
  return fetch(test1.running.url + path, { headers })
}

async function json(path: string) {
  return Json.parse(await (await get(path)).json())
}

function command(over: Record<string, unknown> = {}, headers: Record<string, string> = {}): Promise<Response> {
  const warning = underpassWarning(startMs)
  const body = {
    commandId: 'c-12345678',
    warningId: warning.id,
    expectedVersion: 1,
    action: 'acknowledge',
    seenAtMs: startMs,
    ...over,
  }
  return fetch(`${test1.running.url}/api/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: test1.running.url, cookie, ...headers },
    body: JSON.stringify(body),
  })
}

describe('the door', () => {
  test('the page carries a policy that allows nothing from outside, and nothing inline', async () => {
    const response = await get('/', {})
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(response.status).toBe(200)
    expect(policy).toContain("default-src 'self'")
    expect(policy).not.toContain('unsafe')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await response.text()).not.toMatch(/https?:\/\/(?!www\.w3\.org)/)
  })

  test('a session is a cookie that scripts cannot read and other sites cannot use', async () => {
    const response = await signIn(test1.running.url, { name: '李晨', password })
    expect(response.headers.get('set-cookie')).toMatch(/HttpOnly.*SameSite=Strict/)
  })

  test('behind https the cookie travels over https only', async () => {
    await using other = await startTestConsole({ publicUrl: 'https://forewarn.example' })
    const response = await signIn(other.running.url, { name: '李晨', password }, { origin: 'https://forewarn.example' })
    expect(response.headers.get('set-cookie')).toContain('Secure')
    expect(response.headers.get('strict-transport-security')).not.toBeNull()
  })

  test('a wrong password and a wrong name are told alike', async () => {
    const wrong = await signIn(test1.running.url, { name: '李晨', password: 'guess' })
    const nobody = await signIn(test1.running.url, { name: 'nobody', password })
    expect([wrong.status, nobody.status]).toEqual([401, 401])
    expect(await wrong.text()).toBe(await nobody.text())
  })

  test('guessing is slowed down, per address and whatever the name', async () => {
    await using other = await startTestConsole({ triesPerMinute: 2 })
    const codes: number[] = []
    for (const name of ['a', 'b', 'c']) codes.push((await signIn(other.running.url, { name, password: 'x' })).status)
    expect(codes).toEqual([401, 401, 429])
  })

  test('another site cannot sign anyone in, nor give commands with a cookie it does not see', async () => {
    const foreign = { origin: 'https://evil.example' }
    expect((await signIn(test1.running.url, { name: '李晨', password }, foreign)).status).toBe(403)
    expect((await command({}, foreign)).status).toBe(403)
    expect(test1.house.commands).toEqual([])
  })

  test.each([
    '/api/district',
    '/api/snapshot',
    '/api/events',
    '/api/health',
    '/api/score',
    '/api/quarantine',
    '/metrics',
  ])('%s is closed to whoever has not signed in', async path => {
    expect((await get(path, {})).status).toBe(401)
    expect((await get(path, { cookie: 'forewarn_session=e30.forged' })).status).toBe(401)
  })

  test('the inner token opens the API for tools of the house', async () => {
    expect((await get('/api/health', { authorization: `Bearer ${innerToken}` })).status).toBe(200)
    expect(await (await get('/metrics', { authorization: `Bearer ${innerToken}` })).text()).toContain(
      'forewarn_console_pages_open',
    )
  })

  test('a restart signs nobody out', async () => {
    await using other = await startTestConsole()
    const kept = await signedIn(other.running.url, '李晨')
    const after = await other.restart()
    expect((await fetch(`${after.url}/api/snapshot`, { headers: { cookie: kept } })).status).toBe(200)
  })

  test('without a built page it says what to do instead of starting', async () => {
    const pageDir = await mkdtemp(join(tmpdir(), 'forewarn-page-'))
    await expect(startTestConsole({ pageDir })).rejects.toMatchObject({ code: 'console-page-missing' })
  })
})

describe('what the page reads', () => {
  test('the district has places, units and the map, and not half a million sensors', async () => {
    const district = await json('/api/district')
    expect(district).toMatchObject({ timeZone: 'Asia/Shanghai', mode: 'exercise', sensorCount: 12 })
    expect(district).not.toHaveProperty('sensors')
    expect(district).not.toHaveProperty('gateways')
  })

  test('the snapshot has warnings, units, conditions and how fresh they are', async () => {
    const snapshot = await json('/api/snapshot')
    expect(snapshot['troubles']).toEqual([])
    expect(snapshot['warnings']).toHaveLength(6)
    expect(snapshot['figures']).toMatchObject({ sensors: 12, silentSensors: 0 })
    const figures = Json.parse(snapshot['figures'])
    expect(Number(figures['rainNowMmPerHour'])).toBeGreaterThan(40)
    expect(figures['rain']).toHaveLength(60)
  })

  test('a series is what the place’s own sensor said over two hours', async () => {
    const series = await json('/api/series?place=nanjing-shimen')
    expect(series).toMatchObject({ sensor: 'wd-nanjing-shimen', quantity: 'water_depth', unit: 'm' })
    expect(series['atMs']).toHaveLength(120)
    expect(await json('/api/series?sensor=rain-2')).toMatchObject({ quantity: 'rain' })
    expect(await json('/api/series?place=nowhere')).toMatchObject({ sensor: null, atMs: [] })
  })

  test('a place that no rule forecasts has no forecast, which is no error', async () => {
    expect(await json('/api/forecast/nanjing-shimen')).toHaveProperty('forecast')
    expect(await json('/api/forecast/zhabei-park')).toEqual({ placeId: 'zhabei-park' })
  })

  test('health gathers every process, the store and the console itself', async () => {
    const health = z.object({ processes: z.array(z.object({ process: z.string(), answered: z.boolean() })) })
    const { processes } = health.parse(await json('/api/health'))
    expect(processes.map(one => one.process)).toEqual(['ingest', 'rules', 'alerts', 'store', 'console'])
    expect(processes.every(one => one.answered)).toBe(true)
  })

  test('a process that does not answer is named, and the rest is still shown', async () => {
    await using other = await startTestConsole()
    other.house.setWarnings(stormWarnings(startMs))
    const key = { headers: { authorization: `Bearer ${innerToken}` } }
    await other.house.stopRules()
    const snapshot = Json.parse(await (await fetch(`${other.running.url}/api/snapshot`, key)).json())
    expect(snapshot).toMatchObject({ conditions: null, troubles: [{ process: 'rules' }] })
    expect(snapshot['warnings']).toHaveLength(6)
    const health = JSON.stringify(await (await fetch(`${other.running.url}/api/health`, key)).json())
    expect(health).toContain('"process":"rules","answered":false')
    expect((await fetch(`${other.running.url}/api/forecast/x`, key)).status).toBe(502)
  })
})

describe('commands', () => {
  test('carry the name of the signed-in officer, whatever the page says', async () => {
    const response = await command({ by: 'somebody else' })
    expect(response.status).toBe(200)
    expect(test1.house.commands.at(-1)).toMatchObject({ by: '李晨', action: 'acknowledge' })
  })

  test('the loser learns who was first', async () => {
    test1.house.somebodyWasFirst('张伟')
    const response = await command({ commandId: 'c-87654321' })
    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({ result: 'somebody-was-first', detail: '张伟' })
  })

  test('observers give none', async () => {
    const guest = await signedIn(test1.running.url, 'guest')
    const before = test1.house.commands.length
    expect((await command({}, { cookie: guest })).status).toBe(403)
    expect(test1.house.commands).toHaveLength(before)
  })

  test('what is no command is refused', async () => {
    expect((await command({ action: 'launch' })).status).toBe(422)
  })
})

describe('news', () => {
  async function open(lastEventId?: string) {
    const stopping = new AbortController()
    const headers: Record<string, string> =
      lastEventId === undefined ? { cookie } : { cookie, 'last-event-id': lastEventId }
    const response = await fetch(`${test1.running.url}/api/events`, { headers, signal: stopping.signal })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    if (response.body === null) throw new Error('no stream')
    const events = readEvents(response.body)
    const next = async (wanted: string): Promise<SseMessage> => {
      for (;;) {
        const { value, done } = await events.next()
        if (done) throw new Error(`the stream ended before ${wanted}`)
        if (value.event === wanted) return value
      }
    }
    return { next, close: () => stopping.abort() }
  }

  test('a warning reaches an open page, and a page that comes back misses nothing', async () => {
    const page = await open()
    await page.next('tick')
    const warning = { ...underpassWarning(startMs), version: 50 }
    test1.house.tell({ type: 'warning', warning })
    const first = await page.next('warning')
    expect(JSON.parse(first.data)).toMatchObject({ type: 'warning', warning: { id: warning.id, version: 50 } })
    page.close()
    test1.house.tell({ type: 'warning', warning: { ...warning, version: 51 } })
    const witness = await open(first.id)
    expect(JSON.parse((await witness.next('warning')).data)).toMatchObject({ warning: { version: 51 } })
    witness.close()
  })

  test('a page that was away for too long is told to ask for everything', async () => {
    const page = await open('0-424242')
    await page.next('reset')
    page.close()
  })

  test('the clock ticks with the age of the data', async () => {
    const page = await open()
    const tick: unknown = JSON.parse((await page.next('tick')).data)
    expect(tick).toMatchObject({ speed: 1, alertsLive: true })
    const health: unknown = JSON.parse((await page.next('health')).data)
    expect(health).toMatchObject({ troubles: [], figures: { sensors: 12 } })
    page.close()
  })

  test('when alerts was away, the console resumes after the last event and pages ask anew', async () => {
    const page = await open()
    await page.next('tick')
    test1.house.dropStreams()
    await page.next('reset')
    expect(Number(test1.house.lastEventIds.at(-1))).toBeGreaterThan(0)
    page.close()
  })
})

test('the fixtures speak the wire', () => {
  const snapshot: WarningsSnapshot['warnings'] = stormWarnings(startMs)
  expect(snapshot.map(warning => warning.level)).toEqual(['orange', 'yellow', 'unknown', 'orange', 'yellow', 'blue'])
})
