/**
 * The broker of the running house, as `forewarn gateways` asks it: over its inner server, found through the data
 * folder. What the broker will not do is told in its own words.
 */
import type { Command } from 'commander'
import { z } from 'zod'
import { WrongUse } from './exit-codes.ts'
import { findHouse } from './running-house.ts'

export type Options = Readonly<Record<string, unknown>>

/** A subcommand that knows where the house is. */
export function atBroker(parent: Command, usage: string, summary: string): Command {
  return parent
    .command(usage)
    .description(summary)
    .option('--data-dir <value>', 'folder of the running house', process.env['FOREWARN_DATA_DIR'] ?? 'data')
    .option('--json', 'as JSON')
}

interface Question<T> {
  readonly path: string
  /** GET without a body and POST with one, unless given. */
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly body?: unknown
  readonly shape: z.ZodType<T>
}

const Problem = z.object({ title: z.string() })
const patienceMs = 10_000

/** Asks the broker; WrongUse with its own words when it will not, or when no house runs there. */
export async function askBroker<T>(options: Options, { path, method, body, shape }: Question<T>): Promise<T> {
  const dataDir = typeof options['dataDir'] === 'string' ? options['dataDir'] : 'data'
  const door = await findHouse(dataDir)
  const brokerUrl = door?.house.brokerUrl
  if (door === undefined || brokerUrl === undefined)
    throw new WrongUse(`no house runs in ${dataDir}: start one with forewarn start, or name its folder with --data-dir`)
  const response = await fetch(new URL(path, brokerUrl), {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { authorization: `Bearer ${door.secrets.innerToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(patienceMs),
  })
  const answer: unknown = await response.json()
  if (response.ok) return shape.parse(answer)
  const problem = Problem.safeParse(answer)
  throw new WrongUse(problem.success ? problem.data.title : `the broker answered ${response.status}`)
}
