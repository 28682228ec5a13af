/**
 * The first source: devices and simulators push SenML JSON over HTTP.
 *
 *   POST /push/{gateway}   Authorization: Bearer <token>, body SenML JSON (RFC 8428), up to 1 MB
 *     204 taken: every reading is on disk in the outbox
 *     200 taken, and there is more to say: `faults` names records that could not be read, `samplingS` tells how often
 *         (seconds) sensors of this push should be measured while it is said; without it, as usual
 *     400 no SenML, or nothing in it that could be read · 401 · 404 no such gateway · 413 · 503 the disk refused
 */
import { qualityOf } from '@forewarn/contracts/reading'
import { parseSenml, type SenmlFault, type SenmlReading, type SenmlRecord } from '@forewarn/contracts/senml'
import type { Clock } from '@forewarn/runtime/clock'
import { type InnerServer, startInnerServer } from '@forewarn/runtime/inner-server'
import type { Log } from '@forewarn/runtime/log'
import type { Outbox } from './outbox/outbox.ts'

export interface PushSourceOptions {
  readonly host: string
  readonly port: number
  readonly token: string
  readonly outboxes: ReadonlyMap<string, Outbox>
  readonly clock: Clock
  readonly log: Log
  /** How often the house wants a sensor measured now, s; undefined: as usual. */
  readonly samplingS?: (sensor: string) => number | undefined
  readonly onTaken: (gateway: string, readings: number) => void
  readonly onRefused: (gateway: string, reason: PushRefusal) => void
}

export type PushRefusal = 'not-senml' | 'no-reading' | 'bad-record' | 'not-kept'

type PushAnswer = { readonly code: 204 } | { readonly code: 200 | 400 | 404 | 503; readonly body: object }

interface Pushed {
  readonly gateway: string
  readonly bytes: Uint8Array
}

/** Listens for `POST /push/<gateway>`; answers when what was pushed is on disk. */
export async function startPushSource(options: PushSourceOptions): Promise<InnerServer> {
  const { host, port, token } = options
  return await startInnerServer({
    host,
    port,
    token,
    routes: server => {
      server.removeAllContentTypeParsers()
      server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
      server.post<{ Params: { gateway: string } }>('/push/:gateway', async (request, reply) => {
        const bytes = request.body instanceof Uint8Array ? request.body : new Uint8Array()
        const answer = await take({ gateway: request.params.gateway, bytes }, options)
        if (answer.code === 204) return await reply.code(204).send()
        const type = answer.code === 200 ? 'application/json' : 'application/problem+json'
        return await reply.code(answer.code).type(type).send(answer.body)
      })
    },
  })
}

async function take({ gateway, bytes }: Pushed, options: PushSourceOptions): Promise<PushAnswer> {
  const outbox = options.outboxes.get(gateway)
  if (outbox === undefined) return refusal(404, `no gateway ${gateway} here`)
  const nowMs = options.clock.nowMs()
  const pack = parseSenml(bytes, nowMs)
  if (pack === 'not-senml') {
    options.onRefused(gateway, 'not-senml')
    return refusal(400, 'the body is no SenML JSON (RFC 8428)')
  }
  const faults = [...pack.faults, ...pack.records.flatMap(faultOf)]
  for (const _fault of faults) options.onRefused(gateway, 'bad-record')
  // Whole milliseconds: SenML counts seconds, and 0.1 + 0.2 must not make two readings of one.
  const records = pack.records.filter(record => faultOf(record).length === 0)
  const readings = records.map(({ name, unit, value, quality, timeMs = nowMs }): SenmlReading => {
    return { name, unit, value, quality: qualityOf(quality), timeMs: Math.round(timeMs) }
  })
  if (readings.length === 0) {
    options.onRefused(gateway, 'no-reading')
    return refusal(400, 'no record could be read', faults)
  }
  try {
    await outbox.append(readings, { backlog: pack.backlog })
  } catch (error) {
    options.onRefused(gateway, 'not-kept')
    options.log.error('push-not-kept', { gateway, readings: readings.length, trouble: String(error) })
    return refusal(503, 'the outbox could not be written')
  }
  options.onTaken(gateway, readings.length)
  const samplingS = wishesFor(readings, options)
  if (faults.length === 0 && samplingS === undefined) return { code: 204 }
  return { code: 200, body: { taken: readings.length, faults: faults.slice(0, 20), samplingS } }
}

/** As in a birth message (contracts/gateway-messages.ts): no sensor has a longer name. */
const longestName = 200

function faultOf({ name, index }: SenmlRecord): SenmlFault[] {
  if (name.length <= longestName) return []
  return [{ index, detail: `a name of ${name.length} characters: ${longestName} are allowed` }]
}

function wishesFor(readings: readonly SenmlReading[], { samplingS }: PushSourceOptions) {
  const wishes = new Map<string, number>()
  for (const { name } of readings) {
    const periodS = samplingS?.(name)
    if (periodS !== undefined) wishes.set(name, periodS)
  }
  return wishes.size === 0 ? undefined : Object.fromEntries(wishes)
}

function refusal(status: 400 | 404 | 503, title: string, faults: readonly SenmlFault[] = []): PushAnswer {
  return { code: status, body: { title, status, ...(faults.length > 0 ? { faults: faults.slice(0, 20) } : {}) } }
}
