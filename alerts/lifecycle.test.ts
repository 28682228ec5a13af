import { EpisodeVerified } from '@forewarn/contracts/episode'
import { Level } from '@forewarn/contracts/level'
import type { Warning } from '@forewarn/contracts/warning'
import { expect, test } from 'vitest'
import { type Effect, type LifeEvent, step } from './lifecycle.ts'
import { raised, startMs } from './test-house.ts'

const text = (en: string) => ({ zh: en, en })

/** One word of the tables below → the event. */
function eventOf(word: string, argument: string | undefined, before: Warning | undefined): LifeEvent {
  switch (word) {
    case 'raise':
      return { kind: 'raised', episode: raised({ level: Level.parse(argument) }) }
    case 'blind':
      return { kind: 'raised', episode: raised({ level: 'unknown' }) }
    case 'late':
      return { kind: 'raised', episode: raised({ retrospective: true }) }
    case 'clear':
      return { kind: 'cleared', reason: text('dry') }
    case 'deadline':
      return { kind: 'deadline-passed', dueAtMs: before?.escalatesAtMs ?? -1 }
    case 'old-deadline':
      return { kind: 'deadline-passed', dueAtMs: startMs + 1 }
    case 'acknowledge':
      return { kind: 'acknowledged', by: 'Li Chen' }
    case 'veto':
      return { kind: 'vetoed', by: 'Li Chen', reason: 'road works' }
    case 'escalate':
      return { kind: 'escalated', by: 'Li Chen' }
    case 'resolve':
      return { kind: 'resolved', by: 'Li Chen', reason: 'seen on camera' }
    case 'verify':
      return { kind: 'verified', episode: verified(argument ?? '') }
    default:
      throw new Error(`no such event: ${word}`)
  }
}

function verified(outcome: string) {
  const { episodeId, placeId, hazard, rule, ruleVersion, mode, atMs } = raised()
  const common = { episodeId, placeId, hazard, rule, ruleVersion, mode, atMs }
  return EpisodeVerified.parse({ ...common, kind: 'verified', step: 9, outcome, leadMin: 18 })
}

function shortOf(effect: Effect, atMs: number): string {
  if (effect.kind === 'ring') return effect.role
  if (effect.kind === 'await-deadline') return `in-${Math.round((effect.dueAtMs - atMs) / 1000)}s`
  return effect.kind
}

/** Lines: `second  event[:argument]  -> state  effects`, or `nothing` when the event changes nothing. */
function play(table: string): Warning | undefined {
  let warning: Warning | undefined
  for (const line of table.trim().split('\n')) {
    const [second, event, , state, effects] = line.trim().split(/\s+/)
    const [word = '', argument] = (event ?? '').split(':')
    const atMs = startMs + Number(second) * 1000
    const stepped = step(warning, eventOf(word, argument, warning), atMs)
    const got = stepped
      ? `${stepped.warning.state} ${stepped.effects.map(effect => shortOf(effect, atMs)).join(',') || '-'}`
      : 'nothing'
    expect(got, line).toBe(state === 'nothing' ? 'nothing' : `${state} ${effects}`)
    warning = stepped?.warning ?? warning
  }
  return warning
}

test('a warning is raised, acknowledged, cleared and verified', () => {
  const warning = play(`
    0    raise:orange  -> active-unacknowledged  duty-officer,in-120s,dispatch
    20   acknowledge   -> active-acknowledged    -
    140  old-deadline  -> nothing
    900  clear         -> resolved               release-orders
    990  verify:hit    -> resolved               -
  `)
  expect(warning?.outcome).toMatchObject({ outcome: 'hit', leadMin: 18 })
  expect(warning?.acknowledgedBy).toBe('Li Chen')
})

test('an unanswered warning climbs to the district chief, and no further', () => {
  const warning = play(`
    0    raise:red  -> active-unacknowledged  duty-officer,in-60s,dispatch
    60   deadline   -> active-unacknowledged  shift-lead,in-60s
    120  deadline   -> active-unacknowledged  district-chief
    180  deadline   -> nothing
  `)
  expect(warning?.escalation).toBe(2)
})

test.each([
  ['red', 60],
  ['orange', 120],
  ['yellow', 300],
  ['blue', 900],
])('%s may stay unanswered for %i s', (level, seconds) => {
  play(`0  raise:${level}  -> active-unacknowledged  duty-officer,in-${seconds}s,dispatch`)
})

test('a rise rings again although the lower level was acknowledged; a fall does not', () => {
  const warning = play(`
    0    raise:yellow  -> active-unacknowledged  duty-officer,in-300s,dispatch
    10   acknowledge   -> active-acknowledged    -
    20   raise:red     -> active-unacknowledged  duty-officer,in-60s,dispatch
    30   acknowledge   -> active-acknowledged    -
    40   raise:orange  -> active-acknowledged    -
  `)
  expect(warning).toMatchObject({ level: 'orange', peakLevel: 'red' })
})

test('a rise does not put off a deadline that is running', () => {
  play(`
    0    raise:orange  -> active-unacknowledged  duty-officer,in-120s,dispatch
    100  raise:red     -> active-unacknowledged  duty-officer,in-20s,dispatch
    120  deadline      -> active-unacknowledged  shift-lead,in-60s
  `)
})

test('a warning that cleared unseen stays until somebody has seen it', () => {
  play(`
    0    raise:orange  -> active-unacknowledged    duty-officer,in-120s,dispatch
    60   clear         -> returned-unacknowledged  release-orders
    120  old-deadline  -> nothing
    130  clear         -> nothing
    200  acknowledge   -> resolved                 -
    210  acknowledge   -> nothing
  `)
})

test('raised again under the same episode it is reopened and rings', () => {
  play(`
    0    raise:orange  -> active-unacknowledged    duty-officer,in-120s,dispatch
    5    acknowledge   -> active-acknowledged      -
    60   clear         -> resolved                 release-orders
    90   raise:orange  -> active-unacknowledged    duty-officer,in-120s,dispatch
  `)
})

test('a blind place is an operator’s, and never climbs', () => {
  play(`
    0    blind     -> active-unacknowledged  operator
    900  deadline  -> nothing
    901  escalate  -> nothing
    950  clear     -> returned-unacknowledged  release-orders
  `)
})

test('a place that goes blind under a warning keeps its level', () => {
  const warning = play(`
    0   raise:red  -> active-unacknowledged  duty-officer,in-60s,dispatch
    10  blind      -> active-unacknowledged  -
  `)
  expect(warning).toMatchObject({ level: 'red', certainty: 'Unknown' })
})

test('a veto is also an acknowledgement, and stands the units down', () => {
  play(`
    0   raise:orange  -> active-unacknowledged  duty-officer,in-120s,dispatch
    20  veto          -> active-acknowledged    stand-down-orders
  `)
})

test('an officer may ring the next one at any time', () => {
  play(`
    0   raise:orange  -> active-unacknowledged  duty-officer,in-120s,dispatch
    5   escalate      -> active-unacknowledged  shift-lead,in-120s
    10  acknowledge   -> active-acknowledged    -
    15  escalate      -> active-acknowledged    district-chief
    20  resolve       -> resolved               release-orders
    25  escalate      -> nothing
  `)
})

test('what came too late to act on is shown and does not ring', () => {
  play(`0  late  -> active-unacknowledged  -`)
})

test('a false alarm calls the units back', () => {
  play(`
    0    raise:orange        -> active-unacknowledged  duty-officer,in-120s,dispatch
    600  verify:false-alarm  -> active-unacknowledged  release-orders
  `)
})

test('every change has its own version and its own line', () => {
  const warning = play(`
    0  raise:orange  -> active-unacknowledged  duty-officer,in-120s,dispatch
    5  acknowledge   -> active-acknowledged    -
    9  clear         -> resolved               release-orders
  `)
  expect(warning?.version).toBe(3)
  expect(warning?.timeline.map(({ event, by }) => `${event} ${by}`)).toEqual([
    'raised machine',
    'acknowledged Li Chen',
    'cleared machine',
  ])
})
