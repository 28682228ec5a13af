import { fileURLToPath } from 'node:url'
import type { EpisodeEvent } from '@forewarn/contracts/episode'
import { describe, expect, test } from 'vitest'
import { readModelFile } from '../forecast/model-file.ts'
import { loadRules } from '../load-rules.ts'
import { batchOf, startMs, stormBatches, testDistrict } from '../test-district.ts'
import { Engine } from './engine.ts'

const { rules } = loadRules(fileURLToPath(new URL('../catalogue/', import.meta.url)))
const model = readModelFile(fileURLToPath(new URL('../models/rain-to-depth.json', import.meta.url)))

function engineFor({ only, latenessMs = 0 }: { only?: string; latenessMs?: number } = {}): Engine {
  const chosen = rules.filter(({ name }) => only === undefined || name === only)
  const options = { district: testDistrict, rules: chosen, model, mode: 'exercise' as const }
  return new Engine({ ...options, latenessMs, listenSinceMs: startMs })
}

/** `raised yellow`, `cleared`, …: what was told, in short. */
function told(events: readonly EpisodeEvent[]): string[] {
  return events.map(event => {
    if (event.kind === 'cleared') return 'cleared'
    if (event.kind === 'verified') return `verified ${event.outcome}`
    return `${event.kind} ${event.level}${event.retrospective ? ' looking back' : ''}`
  })
}

function depths(engine: Engine, values: readonly (number | undefined)[], fromMin = 1): void {
  for (const [index, value] of values.entries()) {
    const min = fromMin + index
    if (value === undefined) engine.advance(startMs + min * 60_000)
    else engine.take(batchOf([{ sensor: 'depth-1', min, value }]))
  }
}

const pondOnly = { only: 'road-standing-water' }
const speaking = (minutes: number, value: number) => Array.from({ length: minutes }, () => value)

describe('water that is there', () => {
  test('a warning opens, climbs, and clears once; every event has the next step', () => {
    const engine = engineFor(pondOnly)
    depths(engine, [0.01, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3, ...speaking(12, 0.01)])
    const events = engine.drain().filter(({ episodeId }) => episodeId.startsWith('steep-01'))
    expect(told(events)).toEqual(['raised yellow', 'verified late', 'changed orange', 'cleared'])
    expect(events.map(({ step }) => step)).toEqual([0, 1, 2, 3])
    expect(events[0]?.episodeId).toBe(`steep-01.waterlogging.${startMs + 2 * 60_000}`)
  })

  test('faulty and missing readings do not count, and a doubtful one never clears', () => {
    const engine = engineFor(pondOnly)
    depths(engine, [0.2, 0.2, 0.2])
    for (let min = 4; min < 20; min++) {
      engine.take(batchOf([{ sensor: 'depth-1', min, value: 0.01, quality: 1 }]))
    }
    expect(told(engine.drain())).not.toContain('cleared')
    const faulty = engineFor(pondOnly)
    for (let min = 1; min < 6; min++) {
      faulty.take(batchOf([{ sensor: 'depth-1', min, value: 0.5, quality: 4 }]))
    }
    expect(told(faulty.drain()).join()).not.toMatch(/red|orange|yellow/)
  })
})

describe('silence', () => {
  test('a silent place becomes unknown, and is not cleared by it', () => {
    const engine = engineFor(pondOnly)
    depths(engine, [0.3, 0.3, 0.3, ...Array.from({ length: 30 }, () => undefined)])
    const events = engine.drain().filter(({ episodeId }) => episodeId.startsWith('steep-01'))
    expect(told(events)).toEqual(['raised orange', 'verified late', 'changed unknown'])
    depths(engine, speaking(12, 0.01), 40)
    expect(told(engine.drain()).at(-1)).toBe('cleared')
  })

  test('a sensor that never spoke is missed after three periods, and not before', () => {
    const engine = engineFor(pondOnly)
    engine.advance(startMs + 3 * 60_000)
    expect(engine.drain()).toEqual([])
    engine.advance(startMs + 5 * 60_000)
    expect(told(engine.drain())).toEqual(['raised unknown', 'raised unknown'])
    expect(engine.conditions().every(({ condition }) => condition === 'unknown')).toBe(true)
  })

  test('when the sensors speak again the blind episode ends', () => {
    const engine = engineFor(pondOnly)
    engine.advance(startMs + 5 * 60_000)
    engine.drain()
    depths(engine, [0.01], 6)
    expect(told(engine.drain())).toEqual(['cleared'])
  })
})

describe('time', () => {
  test('late readings raise a warning that looks back, and never clear one', () => {
    const engine = engineFor(pondOnly)
    depths(engine, speaking(30, 0.01))
    for (const min of [5.1, 6.1, 7.1, 8.1]) {
      engine.take(batchOf([{ sensor: 'depth-1', min, value: 0.3 }], 30))
    }
    const events = engine.drain().filter(({ episodeId }) => episodeId.startsWith('steep-01'))
    expect(told(events)).toEqual(['raised orange looking back', 'cleared'])

    const standing = engineFor(pondOnly)
    depths(standing, speaking(30, 0.3))
    standing.drain()
    for (let min = 5; min < 25; min++) {
      standing.take(batchOf([{ sensor: 'depth-1', min: min + 0.1, value: 0 }], 30))
    }
    expect(told(standing.drain())).not.toContain('cleared')
  })

  test('the same reading twice counts once', () => {
    const engine = engineFor(pondOnly)
    for (let again = 0; again < 5; again++) depths(engine, [0.3])
    expect(told(engine.drain())).toEqual([])
  })

  test('readings shuffled within the lateness give the same warnings', () => {
    const decided = (shuffleSeed: number) => {
      const engine = engineFor({ latenessMs: 120_000 })
      for (const batch of shuffled(shuffleSeed)) engine.take(batch)
      engine.advance(startMs + 500 * 60_000)
      return engine
        .drain()
        .filter(event => event.kind !== 'verified' && event.episodeId.startsWith('steep-01.waterlogging'))
        .flatMap(event => (event.kind === 'cleared' || event.rule !== 'road-standing-water' ? [] : [event.episodeId]))
    }
    const straight = decided(0)
    expect(straight.length).toBeGreaterThan(0)
    for (const seed of [1, 2, 3, 4, 5]) expect(decided(seed)).toEqual(straight)
  })
})

/** The storm's depth readings, swapped within two minutes; arrival times stay in order. */
function shuffled(seed: number) {
  const minutes = Array.from({ length: 200 }, (_, index) => index + 1)
  if (seed > 0) {
    for (let at = 0; at + 1 < minutes.length; at += 2) {
      if ((at * 7 + seed * 13) % 5 < 3) [minutes[at], minutes[at + 1]] = [minutes[at + 1] ?? 0, minutes[at] ?? 0]
    }
  }
  return minutes.map((min, index) => {
    const value = min > 20 && min < 90 ? 0.2 + (min % 3) * 0.02 : 0.01
    return batchOf([{ sensor: 'depth-1', min, value }], index + 2)
  })
}

test('a rule that fails is set aside and named, and the others go on', () => {
  const broken = rules
    .filter(({ name }) => name === 'road-standing-water')
    .map(rule => ({
      ...rule,
      name: 'broken',
      levels: rule.levels.map(level => ({
        ...level,
        when: { source: '?', holds: () => JSON.parse('not json'), quantities: [], spans: [], limits: [] },
      })),
    }))
  const sound = rules.filter(({ name }) => name === 'road-standing-water')
  const options = { district: testDistrict, rules: [...broken, ...sound], model, mode: 'exercise' as const }
  const engine = new Engine({ ...options, latenessMs: 0, listenSinceMs: startMs })
  depths(engine, [0.3, 0.3, 0.3])
  expect(engine.failing().map(({ rule }) => rule)).toEqual(['broken'])
  expect(told(engine.drain())).toContain('raised orange')
})

describe('a storm', () => {
  test('rain warns before there is water; afterwards the warning is a hit with its lead', () => {
    const engine = engineFor()
    for (const batch of stormBatches()) engine.take(batch)
    engine.advance(startMs + 480 * 60_000)
    const events = engine.drain().filter(({ episodeId }) => episodeId.startsWith('steep-01.waterlogging'))
    const [first] = events
    if (first?.kind !== 'raised') throw new Error('nothing was raised')
    expect(first.rule).toBe('waterlogging-forecast')
    expect(first.plan).toBe('pump-truck')
    expect(first.evidence.forecast?.crossings[0]?.probability).toBeGreaterThanOrEqual(0.25)
    expect(first.evidence.reason.en).toMatch(/mm of rain in 30 min/)
    const verified = events.find(event => event.kind === 'verified')
    expect(verified).toMatchObject({ outcome: 'hit', onsetAtMs: startMs + 48 * 60_000 })
    expect(told(events).filter(line => line === 'cleared')).toHaveLength(1)
  })

  test('without rain gauges the forecast is unknown, also where the road is seen dry', () => {
    const engine = engineFor()
    for (let min = 1; min < 20; min++) engine.take(batchOf([{ sensor: 'depth-1', min, value: 0 }]))
    const road = engine.conditions().find(({ group }) => group.place.id === 'steep-01')
    expect(road?.condition).toBe('unknown')
  })
})
