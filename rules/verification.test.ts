import { expect, test } from 'vitest'
import { emptyLedger, type IssuedWarning, judge, type Ledger, observe } from './verification.ts'

const min = 60_000

/** Depths every minute from minute 0 on, of one sensor; the limit is 0.15 m for two minutes. */
function see(ledger: Ledger, depths: readonly number[], fromMin = 0): void {
  for (const [index, value] of depths.entries()) {
    observe(ledger, { sensor: 0, atMs: (fromMin + index) * min, value, holds: value >= 0.15, holdMs: 2 * min })
  }
}

function warn(ledger: Ledger, issuedMin: number, endedMin?: number): void {
  const warning: IssuedWarning = {
    episodeId: `warned-${issuedMin}`,
    rule: 'rule',
    ruleVersion: '1',
    issuedAtMs: issuedMin * min,
    endedAtMs: endedMin === undefined ? undefined : endedMin * min,
    judged: false,
  }
  ledger.warnings.push(warning)
}

function told(ledger: Ledger, nowMin: number, isBlind = false): string[] {
  return judge(ledger, nowMin * min, { isBlind }).map(
    ({ outcome, warning, leadMin }) => `${outcome} ${warning?.episodeId ?? '-'} ${leadMin ?? '-'}`,
  )
}

const flood = Array.from({ length: 10 }, () => 0.2)

test('an onset while the warning stands is a hit, with the time between', () => {
  const ledger = emptyLedger()
  warn(ledger, 10)
  see(ledger, flood, 30)
  expect(told(ledger, 35)).toEqual(['hit warned-10 20'])
  expect(told(ledger, 400)).toEqual([])
})

test('two minutes above the limit are no event, three records are', () => {
  const ledger = emptyLedger()
  see(ledger, [0.2, 0.2, 0.1, 0.2, 0.2, 0.2, 0.1])
  expect(ledger.events.map(({ onsetAtMs }) => onsetAtMs / min)).toEqual([3])
})

test('exceedances less than an hour apart are one event', () => {
  const ledger = emptyLedger()
  see(ledger, flood, 0)
  see(ledger, [0], 10)
  see(ledger, flood, 60)
  see(ledger, [0], 70)
  see(ledger, flood, 140)
  expect(ledger.events.map(({ onsetAtMs }) => onsetAtMs / min)).toEqual([0, 140])
})

test('a warning that rests on a reading some minutes old is late, and not beyond judging', () => {
  const ledger = emptyLedger()
  see(ledger, [0.2, 0.3, 0.4], 30)
  warn(ledger, 34)
  expect(told(ledger, 34)).toEqual(['late warned-34 -4'])
})

test('a warning after the onset is late, or within its first minute', () => {
  const ledger = emptyLedger()
  see(ledger, flood, 30)
  warn(ledger, 32)
  expect(told(ledger, 40)).toEqual(['late warned-32 -2'])
  const early = emptyLedger()
  warn(early, 29.5)
  see(early, flood, 30)
  expect(told(early, 40)).toEqual(['late warned-29.5 0.5'])
})

test('a second warning of the same event, or of its end, is not counted', () => {
  const ledger = emptyLedger()
  warn(ledger, 10, 31)
  see(ledger, flood, 30)
  expect(told(ledger, 40)).toEqual(['hit warned-10 20'])
  warn(ledger, 50)
  expect(told(ledger, 60)).toEqual(['not-verifiable warned-50 -'])
})

test('no onset until it was cleared is a false alarm; a blind place cannot say', () => {
  const ledger = emptyLedger()
  warn(ledger, 10, 60)
  expect(told(ledger, 62)).toEqual([])
  expect(told(ledger, 66)).toEqual(['false-alarm warned-10 -'])
  const blind = emptyLedger()
  warn(blind, 10, 60)
  expect(told(blind, 66, true)).toEqual(['not-verifiable warned-10 -'])
})

test('a warning is valid for three hours at most', () => {
  const ledger = emptyLedger()
  warn(ledger, 0)
  expect(told(ledger, 184)).toEqual([])
  expect(told(ledger, 186)).toEqual(['false-alarm warned-0 -'])
})

test('an event that nobody warned of is missed, an hour after it was over', () => {
  const ledger = emptyLedger()
  see(ledger, flood, 30)
  see(ledger, [0], 40)
  expect(told(ledger, 90)).toEqual([])
  expect(told(ledger, 100)).toEqual(['missed - -'])
  expect(told(ledger, 200)).toEqual([])
})

test('cancelled before the onset: a false alarm and a missed event', () => {
  const ledger = emptyLedger()
  warn(ledger, 10, 25)
  see(ledger, flood, 30)
  expect(told(ledger, 100)).toEqual(['false-alarm warned-10 -', 'missed - -'])
})

test('the peak of an event is no spike', () => {
  const ledger = emptyLedger()
  see(ledger, [0.2, 0.2, 0.21, 1.4, 0.22, 0.2])
  expect(ledger.events[0]?.peak).toBe(0.22)
})
