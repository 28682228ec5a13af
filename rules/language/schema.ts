/**
 * The shape of a rule file, before its conditions are compiled. Unknown keys are refused: a mistyped `silent` would
 * otherwise be a rule that never notices silence.
 */
import { placeKinds } from '@forewarn/contracts/district'
import { Condition } from '@forewarn/contracts/level'
import { Quantity } from '@forewarn/contracts/quantity'
import { Text } from '@forewarn/contracts/text'
import { z } from 'zod'
import { parseDuration } from './duration.ts'

const Duration = z.string().transform((text, context) => {
  const ms = parseDuration(text)
  if (ms !== undefined) return ms
  context.addIssue({ code: 'custom', message: `"${text}" is no length of time; write it like 90 s, 2 min or 1 h` })
  return z.NEVER
})

const Periods = z.string().transform((text, context) => {
  const match = /^(\d+(?:\.\d+)?)\s+periods?$/.exec(text.trim())
  if (match !== null) return Number(match[1])
  context.addIssue({ code: 'custom', message: `"${text}" should count the sensor's periods, like 3 periods` })
  return z.NEVER
})

const Name = z.string().regex(/^[a-z][a-z0-9-]*$/, 'a name has small letters, digits and dashes only')
const Cel = z.string().min(1)

const Levels = z
  .strictObject({ red: Cel.optional(), orange: Cel.optional(), yellow: Cel.optional(), blue: Cel.optional() })
  .check(context => {
    const written = Object.keys(context.value)
    if (written.length === 0) {
      context.issues.push({ code: 'custom', message: 'a rule has at least one level', input: context.value })
    }
  })

const Step = z.union([z.number(), z.string()])

export const StoryFile = z.strictObject({
  name: z.string().min(1),
  every: Duration,
  place: z
    .strictObject({ kind: z.enum(placeKinds).optional(), limits: z.record(z.string(), z.number()).optional() })
    .optional(),
  readings: z.partialRecord(Quantity, z.array(Step)),
  expect: z.record(z.string().regex(/^\d+$/, 'a step is a whole number'), Condition),
})

export const RuleFile = z.strictObject({
  rule: Name,
  title: Text,
  hazard: Name,
  watch: Quantity,
  where: Cel.optional(),
  levels: Levels,
  hold: Duration.optional(),
  clear: z.strictObject({ when: Cel, hold: Duration.optional() }).optional(),
  silent: Periods.optional(),
  plan: Name.optional(),
  forecast: z.strictObject({ model: z.literal('rain-to-depth'), horizon: Duration, every: Duration }).optional(),
  outcome: z.strictObject({ watch: Quantity, when: Cel, hold: Duration.optional() }).optional(),
  stories: z.array(StoryFile).default([]),
})
export type RuleFile = z.output<typeof RuleFile>
