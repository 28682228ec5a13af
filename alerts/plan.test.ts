import { expect, test } from 'vitest'
import { loadPlans, parsePlan } from './plan.ts'
import { scoreOf } from './score.ts'
import { plansDir } from './test-house.ts'

test('the plans that come with the house can be read', async () => {
  const plans = await loadPlans(plansDir)
  expect([...plans.keys()]).toContain('pump-truck')
  const levels = plans.get('pump-truck')?.levels
  expect([levels?.red?.vetoS, levels?.orange?.vetoS, levels?.yellow?.vetoS]).toEqual([30, 60, 60])
  expect(levels?.red?.units).toEqual([{ kind: 'pump-truck', count: 2 }])
})

test('a bad plan is refused with its file and what is wrong', () => {
  const yaml = 'plan: x\ntitle: { zh: 甲, en: x }\nlevels: { red: { units: [{ kind: helicopter, count: 1 }] } }'
  expect(() => parsePlan(yaml, 'x.yaml')).toThrow(/x\.yaml: .*pump-truck[^]*levels\.red\.units\[0\]\.kind/)
})

test('the score counts a late warning as not detected in time', () => {
  const row = (outcome: string, leadMin?: number) => ({ rule: 'r', ruleVersion: '1', outcome, leadMin })
  const rows = [row('hit', 30), row('hit', 10), row('hit', 20), row('late', -5), row('missed'), row('false-alarm')]
  const score = scoreOf(rows)
  expect(score).toMatchObject({ pod: 3 / 5, far: 1 / 5, csi: 3 / 6, leadMinMedian: 20 })
  expect(score.byRule).toEqual([{ rule: 'r', ruleVersion: '1', counts: score.counts }])
})

test('with nothing verified there is no score, not a score of nought', () => {
  expect(scoreOf([])).toMatchObject({ pod: null, far: null, csi: null, leadMinMedian: null })
})
