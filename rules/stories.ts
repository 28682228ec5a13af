/**
 * Runs the stories that a rule tells of itself, on the same engine as the live house.
 */
import type { District, Place } from '@forewarn/contracts/district'
import { placeKinds } from '@forewarn/contracts/district'
import type { Condition } from '@forewarn/contracts/level'
import type { ReadingBatch } from '@forewarn/contracts/reading'
import { Engine } from './engine/engine.ts'
import type { ModelFile } from './forecast/model-file.ts'
import type { Rule, Story } from './language/rule.ts'
import { windowOn } from './language/window.ts'

export interface StoryResult {
  readonly name: string
  readonly passed: boolean
  /** What was expected and what came, for the first step that differs. */
  readonly detail: string
}

/** Sunday 3 a.m. somewhere in 2026: on a whole minute, as forecasts run by the minute. */
const startMs = Date.UTC(2026, 6, 5, 3)

const usualLimits = { flooded: 0.15, closed: 0.25, danger: 0.4 }

/** A place of a middling kind, for stories that need no calibration of their own. */
const storyModel: ModelFile = {
  model: 'rain-to-depth',
  modelVersion: 'story',
  places: {
    'story-place': {
      firstMin: 4,
      secondMin: 8,
      capacityMmPerHour: 50,
      depthAtOneMm: 0.03,
      depthPower: 0.8,
      catchment: 'story-catchment',
    },
  },
}

export function runStories(rule: Rule): StoryResult[] {
  return rule.stories.map(story => runStory(rule, story))
}

function runStory(rule: Rule, story: Story): StoryResult {
  const district = storyDistrict(rule, story)
  if (typeof district === 'string') return { name: story.name, passed: false, detail: district }
  const engine = new Engine({
    district,
    rules: [rule],
    model: storyModel,
    mode: 'exercise',
    latenessMs: 0,
    listenSinceMs: startMs,
  })
  let atMs = startMs
  const steps = Math.max(0, ...story.series.map(series => series.steps.length))
  for (let step = 0; step < steps; step++) {
    atMs += story.everyMs + (isStale(story, step) ? silenceMs(rule, story) : 0)
    takeStep(engine, story, step, atMs)
    const wrong = disagreement(engine, story, step)
    if (wrong !== undefined) return { name: story.name, passed: false, detail: wrong }
  }
  const failing = engine.failing()[0]
  if (failing !== undefined) return { name: story.name, passed: false, detail: failing.trouble }
  return { name: story.name, passed: true, detail: '' }
}

function isStale(story: Story, step: number): boolean {
  return story.series.some(({ steps }) => steps[step] === 'stale')
}

/** So long that silence is noticed at the next whole minute. */
function silenceMs(rule: Rule, story: Story): number {
  return (rule.silentPeriods ?? 0) * story.everyMs + 2 * 60_000
}

function takeStep(engine: Engine, story: Story, step: number, atMs: number): void {
  const said = story.series.flatMap(({ steps }, sensor) => {
    const value = steps[step]
    return typeof value === 'number' ? [{ sensor, value }] : []
  })
  const batch: ReadingBatch = {
    gateway: 0,
    receivedAtMs: atMs,
    sequence: step,
    sensor: Uint32Array.from(said, ({ sensor }) => sensor),
    measuredAtMs: new Float64Array(said.length).fill(atMs),
    value: Float64Array.from(said, ({ value }) => value),
    quality: new Uint8Array(said.length),
  }
  engine.take(batch)
}

function disagreement(engine: Engine, story: Story, step: number): string | undefined {
  const expected = story.expect.find(each => each.step === step)
  if (expected === undefined) return undefined
  const came: Condition = engine.conditions()[0]?.condition ?? 'none'
  return came === expected.condition ? undefined : `step ${step}: expected ${expected.condition}, came ${came}`
}

/** One place with one sensor per series. Returns a sentence when no kind of place suits the rule. */
function storyDistrict(rule: Rule, story: Story): District | string {
  const position = { lon: 121.448, lat: 31.229, crs: 'WGS-84' } as const
  const placeOf = (kind: Place['kind']): Place => ({
    id: 'story-place',
    kind,
    name: { zh: '故事', en: 'story' },
    position,
    catchment: 'story-catchment',
    limits: { ...usualLimits, ...story.limits },
    stagingPoints: [],
  })
  const kind = placeKinds.find(
    each => (story.placeKind ?? each) === each && (rule.where?.holds(windowOn(placeOf(each), Number.NaN)) ?? true),
  )
  if (kind === undefined) return 'no kind of place satisfies the rule’s "where"'
  return {
    id: 'story',
    name: { zh: '故事', en: 'story' },
    timeZone: 'Asia/Shanghai',
    gateways: [{ id: 'story-gateway', kind: 'field' }],
    places: [placeOf(kind)],
    units: [],
    sensors: story.series.map(({ quantity }, index) => ({
      id: `story-${index}`,
      quantity,
      gateway: 'story-gateway',
      place: 'story-place',
      ...(quantity === 'rain' ? { catchment: 'story-catchment' } : {}),
      position,
      periodS: story.everyMs / 1000,
    })),
  }
}
