/** What a simulated district goes through, as a file in scenarios/ tells it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { Id } from '@forewarn/contracts/district'
import { Text } from '@forewarn/contracts/text'
import { parse } from 'yaml'
import { z } from 'zod'

const folder = new URL('scenarios/', import.meta.url)

const minutes = z.number().nonnegative()

const Storm = z.strictObject({
  /** A `clean` recording, shipped or a file; it rains on the recording's own catchment. */
  recording: z.string(),
  /** Minute of the recording that is "now" at the start; what came before is told as history. */
  fromMin: minutes,
})
export type Storm = z.infer<typeof Storm>

const Trouble = z.discriminatedUnion('kind', [
  /** The gateway reaches nobody, holds its readings, and tells them afterwards. */
  z.strictObject({ kind: z.literal('gateway-cut'), gateway: Id, afterMin: minutes, forMin: minutes }),
  /** The sensor goes on speaking and always says the same. */
  z.strictObject({ kind: z.literal('sensor-stuck'), sensor: Id, afterMin: minutes, forMin: minutes }),
  /** Doors slow down, levelling and vibration get worse, and at the end somebody is trapped. */
  z.strictObject({ kind: z.literal('lift-wear'), place: Id, afterMin: minutes, forMin: minutes }),
])
export type Trouble = z.infer<typeof Trouble>

export const Scenario = z.strictObject({
  title: Text,
  storms: z.array(Storm).default([]),
  troubles: z.array(Trouble).default([]),
})
export type Scenario = z.infer<typeof Scenario>

/** A scenario that cannot be used; the message is for a person. */
export class ScenarioError extends Error {
  override name = 'ScenarioError'
  code: 'no-such-scenario' | 'bad-scenario'

  constructor(code: ScenarioError['code'], message: string, { cause }: { cause?: unknown } = {}) {
    super(message, { cause })
    this.code = code
  }
}

/** Names of the shipped scenarios. */
export function listScenarios(): string[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.yaml'))
    .map(name => name.slice(0, -'.yaml'.length))
    .sort()
}

/** Reads a shipped scenario by name, or a file by its path. Throws ScenarioError. */
export function readScenario(nameOrPath: string): Scenario {
  const source = listScenarios().includes(nameOrPath) ? new URL(`${nameOrPath}.yaml`, folder) : nameOrPath
  if (!existsSync(source)) {
    const known = listScenarios().join(', ')
    throw new ScenarioError('no-such-scenario', `no scenario ${nameOrPath}; there are ${known}, or give a file`)
  }
  const parsed = Scenario.safeParse(yamlOf(readFileSync(source, 'utf8'), nameOrPath))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new ScenarioError('bad-scenario', `${nameOrPath}: ${issue?.path.join('.')}: ${issue?.message}`)
}

function yamlOf(text: string, name: string): unknown {
  try {
    return parse(text)
  } catch (cause) {
    throw new ScenarioError('bad-scenario', `${name}: no YAML`, { cause })
  }
}
