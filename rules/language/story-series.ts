/**
 * The notation of stories: what the sensors say, step by step. A number is a value, `_` a step without a reading,
 * `stale` the moment at which a sensor has been silent for too long; `0.2 x30` repeats a step thirty times.
 */
import type { Condition } from '@forewarn/contracts/level'
import { Quantity } from '@forewarn/contracts/quantity'
import type { z } from 'zod'
import type { Story, StorySeries } from './rule.ts'
import type { StoryFile } from './schema.ts'

type StepValue = StorySeries['steps'][number]
type Complain = (path: readonly (string | number)[], message: string) => void

/** Unfolds a story; what cannot be read is complained of at its path. */
export function toStory(file: z.output<typeof StoryFile>, complain: Complain): Story {
  const series = Object.entries(file.readings).map(([name, steps], index): StorySeries => {
    const quantity = Quantity.parse(name)
    return { quantity, steps: (steps ?? []).flatMap(step => unfold(step, ['readings', name, index], complain)) }
  })
  const length = Math.max(0, ...series.map(({ steps }) => steps.length))
  const expect = Object.entries(file.expect).map(([step, condition]: [string, Condition]) => {
    if (Number(step) >= length) complain(['expect', step], `the story ends before step ${step}: it has ${length} steps`)
    return { step: Number(step), condition }
  })
  return {
    name: file.name,
    everyMs: file.every,
    placeKind: file.place?.kind,
    limits: file.place?.limits ?? {},
    series,
    expect: expect.sort((a, b) => a.step - b.step),
  }
}

const repeated = /^(\S+)\s*x\s*(\d+)$/

function unfold(step: number | string, path: readonly (string | number)[], complain: Complain): StepValue[] {
  if (typeof step === 'number') return [step]
  const match = repeated.exec(step.trim())
  const single = stepValue(match?.[1] ?? step.trim())
  if (single !== undefined) return Array.from({ length: Number(match?.[2] ?? 1) }, () => single)
  complain(path.slice(0, 2), `"${step}" is no reading: a number, _ (nothing said), stale, or one of these with x10`)
  return []
}

function stepValue(text: string): StepValue | undefined {
  if (text === '_') return 'missing'
  if (text === 'stale') return 'stale'
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined
}
