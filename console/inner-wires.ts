/**
 * The console's ends of the inner wires: asks `alerts`, `rules` and `ingest` over HTTP and parses what they say.
 * A process that does not answer in time is a value, not an error: the page shows what is known and says who is missing.
 */
import { type Command, CommandAnswer, Score, WarningsSnapshot } from '@forewarn/contracts/alerts-api'
import { ProcessHealth, QuarantineReport } from '@forewarn/contracts/health'
import { LedgerReport } from '@forewarn/contracts/ledger'
import { PlaceCondition, PlaceForecast } from '@forewarn/contracts/rules-api'
import { z } from 'zod'
import type { Trouble } from './wire.ts'

export type InnerName = 'broker' | 'alerts' | 'rules' | 'ingest'

/** Either what was asked for, or why there is none. */
export type Answer<T> = { readonly got: T } | { readonly trouble: Trouble }

export interface InnerWires {
  /** Who can be asked. */
  readonly processes: readonly InnerName[]
  warnings(): Promise<Answer<WarningsSnapshot>>
  score(): Promise<Answer<Score>>
  conditions(): Promise<Answer<PlaceCondition[]>>
  forecast(placeId: string): Promise<Answer<PlaceForecast>>
  quarantine(): Promise<Answer<QuarantineReport>>
  /** `query` as it came: hours, gateway. */
  ledger(query: string): Promise<Answer<LedgerReport>>
  health(process: InnerName): Promise<Answer<ProcessHealth>>
  command(command: Command): Promise<Answer<{ status: number; answer: CommandAnswer }>>
}

export interface InnerAddresses {
  readonly alertsUrl: string
  readonly rulesUrl: string
  readonly ingestUrl: string
  /** Undefined when the broker is none of ours. */
  readonly brokerUrl?: string | undefined
  readonly innerToken: string
  /** Wall ms before a process counts as not answering. */
  readonly timeoutMs?: number
}

/** Opens the wires; nothing is asked yet. */
export function innerWires({
  alertsUrl,
  rulesUrl,
  ingestUrl,
  brokerUrl,
  innerToken,
  timeoutMs = 4000,
}: InnerAddresses): InnerWires {
  const urls = { broker: brokerUrl, alerts: alertsUrl, rules: rulesUrl, ingest: ingestUrl }
  const inOrder = ['broker', 'ingest', 'rules', 'alerts'] as const
  const ask = async <T>(process: InnerName, path: string, schema: z.ZodType<T>): Promise<Answer<T>> => {
    const response = await call(process, path)
    if ('trouble' in response) return response
    if (!response.got.ok) return troubleOf(process, `${path} answered ${response.got.status}`)
    return parsed(process, response.got, schema)
  }
  const call = async (process: InnerName, path: string, body?: unknown): Promise<Answer<Response>> => {
    const headers = { authorization: `Bearer ${innerToken}`, 'content-type': 'application/json' }
    const signal = AbortSignal.timeout(timeoutMs)
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    try {
      return { got: await fetch(new URL(path, urls[process]), { ...init, headers, signal }) }
    } catch (error) {
      return troubleOf(process, plainCause(error))
    }
  }
  return {
    processes: inOrder.filter(name => urls[name] !== undefined),
    warnings: () => ask('alerts', '/warnings', WarningsSnapshot),
    score: () => ask('alerts', '/score', Score),
    conditions: () => ask('rules', '/conditions', z.array(PlaceCondition)),
    quarantine: () => ask('ingest', '/quarantine', QuarantineReport),
    ledger: query => ask('ingest', `/ledger?${query}`, LedgerReport),
    health: process => ask(process, '/health', ProcessHealth),
    async forecast(placeId) {
      const response = await call('rules', `/forecasts/${encodeURIComponent(placeId)}`)
      if ('trouble' in response) return response
      // 404 is an answer: no rule forecasts this place.
      if (response.got.status === 404) return { got: { placeId } }
      return parsed('rules', response.got, PlaceForecast)
    },
    async command(command) {
      const response = await call('alerts', '/commands', command)
      if ('trouble' in response) return response
      const answer = await parsed('alerts', response.got, CommandAnswer)
      return 'trouble' in answer ? answer : { got: { status: response.got.status, answer: answer.got } }
    },
  }
}

async function parsed<T>(process: InnerName, response: Response, schema: z.ZodType<T>): Promise<Answer<T>> {
  let json: unknown
  try {
    json = await response.json()
  } catch (error) {
    return troubleOf(process, `answered ${response.status} with something that is no JSON: ${plainCause(error)}`)
  }
  const result = schema.safeParse(json)
  if (result.success) return { got: result.data }
  const issue = result.error.issues[0]
  return troubleOf(process, `answered ${response.status}, not as agreed at ${issue?.path.join('.')}: ${issue?.message}`)
}

function troubleOf(process: InnerName, detail: string): { trouble: Trouble } {
  return { trouble: { process, detail } }
}

/** `fetch` hides the reason (ECONNREFUSED, timeout) one level down. */
function plainCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
