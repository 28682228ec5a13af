/**
 * What is done about a warning, per level: who is told, which units go, and how long a human may veto. Plans are
 * YAML files in `alerts/plans`; a rule names one (`plan: pump-truck`).
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { levels } from '@forewarn/contracts/level'
import { Text } from '@forewarn/contracts/text'
import { parse } from 'yaml'
import { z } from 'zod'

const unitKinds = ['pump-truck', 'drainage-crew', 'lift-crew', 'patrol'] as const

/** `go`: the unit leaves when the veto window ends. `propose`: it waits for an officer. */
export const Response = z.strictObject({
  tell: z.array(z.enum(['duty-officer', 'shift-lead', 'district-chief', 'operator'])).default(['duty-officer']),
  units: z.array(z.strictObject({ kind: z.enum(unitKinds), count: z.number().int().positive() })).default([]),
  autonomy: z.enum(['go', 'propose']).default('go'),
  vetoS: z.number().nonnegative().default(60),
})
export type Response = z.infer<typeof Response>

export const Plan = z.strictObject({
  plan: z.string().regex(/^[a-z0-9-]+$/),
  title: Text,
  /** `staging-point`: wait at the place's first staging point; `place`: go to the place itself. */
  staging: z.enum(['staging-point', 'place']).default('staging-point'),
  levels: z.partialRecord(z.enum([...levels, 'unknown']), Response),
})
export type Plan = z.infer<typeof Plan>

/** Reads every plan of a folder, by name. Throws, naming the file and what is wrong with it. */
export async function loadPlans(dir: string): Promise<Map<string, Plan>> {
  const plans = new Map<string, Plan>()
  for (const file of (await readdir(dir)).filter(name => name.endsWith('.yaml')).sort()) {
    const plan = parsePlan(await readFile(join(dir, file), 'utf8'), file)
    if (plans.has(plan.plan)) throw new Error(`${file}: the plan ${plan.plan} is there twice`)
    plans.set(plan.plan, plan)
  }
  return plans
}

/** Parses one plan. Throws, naming `file` and what is wrong. */
export function parsePlan(yaml: string, file: string): Plan {
  const plan = Plan.safeParse(parse(yaml))
  if (plan.success) return plan.data
  throw new Error(`${file}: ${z.prettifyError(plan.error)}`)
}
