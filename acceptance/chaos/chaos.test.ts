import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { planOf } from './plan.ts'
import { reportLines } from './report.ts'
import { runChaos } from './run.ts'

vi.setConfig({ testTimeout: 300_000 })

test('killed, frozen, cut off and out of disk in any order, the house loses nothing it acknowledged and warns nobody twice', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'forewarn-chaos-'))
  try {
    const report = await runChaos({ seed: 20, kills: 6, backing: 'embedded', storeDownMs: 0, dir })
    const found = reportLines(report).join('\n')
    expect(report.acknowledged, found).toBeGreaterThan(1000)
    expect(report, found).toMatchObject({ lost: 0, twice: 0, strange: 0, endedByThemselves: [] })
    expect(report.ledger?.imbalances, found).toEqual([])
    expect(report.floodedRoads, found).toBeGreaterThan(0)
    expect(report.warnings, found).toEqual({ missing: [], twice: [] })
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})

test('the same seed draws the same plan, and every kind of fault comes', () => {
  const options = {
    seed: 7,
    kills: 100,
    storeDownMs: 120_000,
    victims: ['house', 'agent', 'store', 'queue', 'database', 'all'],
    kinds: ['store-down', 'disk-full', 'network-cut', 'frozen'],
  } as const
  const plan = planOf(options)
  expect(planOf(options)).toEqual(plan)
  expect(planOf({ ...options, seed: 8 })).not.toEqual(plan)
  const kinds = new Set(plan.map(({ fault }) => (fault.kind === 'kill' ? fault.victim : fault.kind)))
  expect(kinds).toEqual(new Set([...options.victims, ...options.kinds]))
  expect(plan.filter(({ fault }) => fault.kind === 'kill')).toHaveLength(100)
  expect(plan).toContainEqual(expect.objectContaining({ fault: { kind: 'store-down', forMs: 120_000 } }))
})
