import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Warning } from '@forewarn/contracts/warning'
import { plainDrillSettings } from '@forewarn/deploy/drill-settings'
import { type Drill, startDrill } from '@forewarn/deploy/play'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Officer, signIn, toolOf } from './drill.ts'
import { waitFor } from './wait-for.ts'
import { writtenStorm } from './written-storm.ts'

vi.setConfig({ testTimeout: 60_000 })

/** Warns at 0.15 m and counts 0.25 m as the event, so that a warning can come in time, or for nothing. */
const watched = `rule: watched
title: { zh: 道路积水, en: Standing water on the road }
hazard: waterlogging
watch: water_depth
where: place.kind == "low-road"
levels:
  yellow: value >= place.limit.flooded
clear: { when: value < 0.05, hold: 2 min }
plan: pump-truck
outcome: { watch: water_depth, when: value >= place.limit.closed, hold: 2 min }
stories:
  - name: water is a warning
    every: 1 min
    readings: { water_depth: [0.01, 0.2] }
    expect: { 1: yellow }
`
/** Nothing is ever said of underpasses, and what happens there is looked at all the same. */
const unwatched = watched
  .replace('rule: watched', 'rule: unwatched')
  .replace('"low-road"', '"underpass"')
  .replace('yellow: value >= place.limit.flooded', 'yellow: value >= 4')
  .replace(
    /stories:[^]*/,
    `stories: [{ name: quiet, every: 1 min, readings: { water_depth: [0.3] }, expect: { 0: none } }]\n`,
  )

/** The drill begins here. What was before it is told as history: an event is missed an hour after it was over. */
const fromMin = 50
const dry = Array.from({ length: fromMin + 2 }, () => 0.01)
const levelsM = {
  // The water stands for long: on a machine that is busy, minutes pass here before anybody gets to press a key.
  answered: [...dry, 0.16, 0.18, 0.2, 0.22, 0.24, 0.28, ...Array.from({ length: 20 }, () => 0.3), 0],
  vetoed: [...dry, 0.16, 0.16, 0.16, 0.16, 0.16, 0.16, 0.16, 0],
  unanswered: [...dry, 0.16],
  unwatched: [0.01, 0.3, 0.3, 0.3, 0.3, 0.01],
}

let rulesDir: string
let drill: Drill
let officer: Officer
let tool: Officer

beforeAll(async () => {
  rulesDir = await mkdtemp(join(tmpdir(), 'forewarn-answered-'))
  await writeFile(join(rulesDir, 'watched.yaml'), watched)
  await writeFile(join(rulesDir, 'unwatched.yaml'), unwatched)
  const settings = { ...plainDrillSettings(), rulesDir }
  const recording = writtenStorm({ minutes: fromMin + 41, levelsM, underpasses: ['unwatched'] })
  const fromMs = recording.startMs + fromMin * 60_000
  drill = await startDrill({ recording, fromMs, speed: 120, settings })
  const { consoleUrl, officer: known, secrets } = drill.house
  officer = await signIn({ consoleUrl, ...known })
  tool = toolOf({ consoleUrl, token: secrets.innerToken })
})
afterAll(async () => {
  await drill?.stop()
  await rm(rulesDir, { recursive: true, force: true })
})

/** The warning of a place, once it is as wanted. */
function warningOf(placeId: string, what: string, isSo: (warning: Warning) => boolean = () => true): Promise<Warning> {
  return waitFor(`${placeId}: ${what}`, async () =>
    (await officer.warnings()).find(warning => warning.placeId === placeId && isSo(warning)),
  )
}

const eventsOf = ({ timeline }: Warning) => timeline.map(({ event }) => event)

test('a veto stands the truck down', async () => {
  const seen = await warningOf('vetoed', 'ordered', ({ orders }) => orders.length > 0)
  const answer = await officer.command(seen, { action: 'veto', reason: 'road works' })
  expect(answer.result).toBe('taken')
  const stood = await warningOf('vetoed', 'stood down', ({ orders }) =>
    orders.every(({ state }) => state === 'stood-down'),
  )
  expect(stood.orders).toHaveLength(1)
  expect(eventsOf(stood)).toContain('vetoed')
  expect(stood.orders[0]?.stagedAtMs).toBeUndefined()
})

test('the truck is ordered before anyone acknowledges, and told to go when nobody vetoes', async () => {
  const ordered = await warningOf('unanswered', 'ordered', ({ orders }) => orders.length > 0)
  expect(ordered).toMatchObject({ state: 'active-unacknowledged', mode: 'replay' })
  expect(ordered.acknowledgedAtMs).toBeUndefined()
  const staged = await warningOf('unanswered', 'staged', ({ orders }) => orders[0]?.stagedAtMs !== undefined)
  expect(staged.acknowledgedAtMs).toBeUndefined()
})

test('acknowledging is idempotent, and whoever is second learns who was first', async () => {
  const seen = await warningOf('answered', 'raised')
  const commandId = crypto.randomUUID()
  const taken = await officer.command(seen, { action: 'acknowledge', commandId })
  expect(taken.result).toBe('taken')
  expect(taken.warning).toMatchObject({ state: 'active-acknowledged', acknowledgedBy: officer.name })
  expect((await officer.command(seen, { action: 'acknowledge', commandId })).result).toBe('taken-before')
  const second = await tool.command(seen, { action: 'acknowledge' })
  expect([second.result, second.detail]).toEqual(['somebody-was-first', officer.name])
  const after = await warningOf('answered', 'as it stands')
  expect(eventsOf(after).filter(event => event === 'acknowledged')).toHaveLength(1)
})

test('a warning that nobody answers climbs to the shift lead and the district chief, and no further', async () => {
  const top = await warningOf('unanswered', 'at the top', ({ escalation }) => escalation === 2)
  const climbs = top.timeline.filter(({ event }) => event === 'escalated')
  expect(climbs.map(({ by }) => by)).toEqual(['machine', 'machine'])
  // Yellow: five minutes each, by the house's clock.
  expect((climbs[0]?.atMs ?? 0) - top.raisedAtMs).toBeGreaterThanOrEqual(300_000)
  expect(top.escalatesAtMs).toBeUndefined()
})

test('what really happened is kept: a hit with its lead, a false alarm, a missed event; and what is open stays open', async () => {
  const hit = await warningOf('answered', 'judged', ({ outcome }) => outcome !== undefined)
  expect(hit.outcome?.outcome).toBe('hit')
  expect(hit.outcome?.leadMin).toBeCloseTo(5, 0)
  const forNothing = await warningOf('vetoed', 'judged', ({ outcome }) => outcome !== undefined)
  expect(forNothing.outcome?.outcome).toBe('false-alarm')
  const score = await waitFor('a missed event', async () => {
    const score = await drill.alerts.score()
    return score.counts.missed === 1 ? score : undefined
  })
  expect(score.counts).toMatchObject({ hit: 1, 'false-alarm': 1, missed: 1 })
  expect(score).toMatchObject({ pod: 0.5, far: 0.5, leadMinMedian: hit.outcome?.leadMin })
  expect(score.byRule.find(({ rule }) => rule === 'unwatched')?.counts).toMatchObject({ missed: 1 })
  const open = await warningOf('unanswered', 'as it stands')
  expect(open).toMatchObject({ state: 'active-unacknowledged' })
  expect(open.outcome).toBeUndefined()
})
