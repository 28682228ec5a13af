/**
 * The page's API: what it reads, the one thing it writes (commands), and its stream of news. Everything here is
 * behind the door that `start.ts` sets up.
 */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Command } from '@forewarn/contracts/alerts-api'
import type { District } from '@forewarn/contracts/district'
import type { MapLayers } from '@forewarn/contracts/geography'
import type { Mode } from '@forewarn/contracts/mode'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import type { ReadingStore } from '@forewarn/store/reading-store'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { type DoorKeys, isFromOwnPage, isInnerCall, officerOf, refuse } from './doors.ts'
import { houseHealth } from './house-health.ts'
import type { Answer, InnerWires } from './inner-wires.ts'
import type { Relay } from './relay.ts'
import { seriesOf } from './series.ts'
import { refuseForeign } from './sign-in.ts'
import type { DistrictView, Figures, Snapshot } from './wire.ts'

export interface ApiOptions {
  readonly district: District
  readonly mapLayers: MapLayers
  readonly mode: Mode
  readonly clock: Clock
  readonly store: ReadingStore
  readonly wires: InnerWires
  readonly relay: Relay
  readonly figures: () => Promise<Figures>
  readonly keys: DoorKeys
  readonly publicUrl: string | undefined
  readonly log: Log
  readonly metrics: Metrics
}

/** Adds all routes of the page's API. */
export function apiRoutes(server: FastifyInstance, options: ApiOptions): void {
  readRoutes(server, options)
  chartRoutes(server, options)
  commandRoute(server, options)
  eventsRoute(server, options)
}

function readRoutes(server: FastifyInstance, options: ApiOptions): void {
  const { wires, metrics } = options
  // It does not change while the house runs, and is the largest answer: packed once.
  const districtJson = Buffer.from(JSON.stringify(districtView(options)))
  const packed = promisify(gzip)(districtJson)
  server.get('/api/district', async (request, reply) => {
    reply.type('application/json').header('vary', 'accept-encoding')
    if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(districtJson)
    return reply.header('content-encoding', 'gzip').send(await packed)
  })
  server.get('/api/snapshot', () => snapshot(options))
  server.get('/api/health', () => houseHealth(options))
  server.get('/api/quarantine', async (_request, reply) => pass(reply, await wires.quarantine()))
  server.get('/api/ledger', async (request, reply) => {
    const query = new URL(request.url, 'http://console').searchParams
    return pass(reply, await wires.ledger(query.toString()))
  })
  server.get('/api/score', async (_request, reply) => pass(reply, await wires.score()))
  server.get('/metrics', async (_request, reply) => {
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics.text())
  })
}

function districtView({ district, mapLayers, mode }: ApiOptions): DistrictView {
  const { id, name, timeZone, places, units, sensors } = district
  return { id, name, timeZone, mode, places, units, mapLayers, sensorCount: sensors.length }
}

async function snapshot({ wires, clock, figures }: ApiOptions): Promise<Snapshot> {
  const [warnings, conditions, current] = await Promise.all([wires.warnings(), wires.conditions(), figures()])
  return {
    nowMs: clock.nowMs(),
    speed: clock.speed,
    warnings: 'got' in warnings ? warnings.got.warnings : null,
    units: 'got' in warnings ? warnings.got.units : null,
    conditions: 'got' in conditions ? conditions.got : null,
    figures: current,
    troubles: [warnings, conditions].flatMap(answer => ('trouble' in answer ? [answer.trouble] : [])),
  }
}

const SeriesQuery = z.object({
  place: z.string().max(100).optional(),
  sensor: z.string().max(100).optional(),
  quantity: z.string().max(100).optional(),
})

function chartRoutes(server: FastifyInstance, { district, store, clock, wires, log }: ApiOptions): void {
  const series = seriesOf(district, store)
  server.get('/api/series', async (request, reply) => {
    const query = SeriesQuery.safeParse(request.query)
    if (!query.success || (query.data.place ?? query.data.sensor) === undefined) {
      return refuse(reply, { title: 'place or sensor is needed', status: 422, code: 'no-place' })
    }
    try {
      return await series(query.data, clock.nowMs())
    } catch (error) {
      // The chart stays empty and says so; everything else on the page goes on.
      log.warn('series-not-read', { trouble: String(error) })
      return refuse(reply, { title: 'the store does not answer', status: 503, code: 'store-trouble' })
    }
  })
  server.get<{ Params: { place: string } }>('/api/forecast/:place', async (request, reply) => {
    return pass(reply, await wires.forecast(request.params.place))
  })
}

/** What was asked for, or 502 with the name of the process that did not answer. */
function pass<T>(reply: FastifyReply, answer: Answer<T>): FastifyReply {
  if ('got' in answer) return reply.send(answer.got)
  const { process, detail } = answer.trouble
  return refuse(reply, { title: `${process}: ${detail}`, status: 502, code: `${process}-silent` })
}

const PageCommand = Command.omit({ by: true })

function commandRoute(server: FastifyInstance, { wires, keys, publicUrl, log }: ApiOptions): void {
  server.post('/api/commands', async (request, reply) => {
    const officer = officerOf(request, keys)
    if (officer !== undefined && !isFromOwnPage(request, publicUrl)) return refuseForeign(reply)
    if (officer?.role === 'observer') {
      return refuse(reply, { title: 'observers give no commands', status: 403, code: 'observer' })
    }
    const command = PageCommand.safeParse(request.body)
    if (!command.success) return refuse(reply, { title: 'this is no command', status: 422, code: 'not-a-command' })
    const by = officer?.name ?? (isInnerCall(request, keys) ? 'tool' : undefined)
    if (by === undefined) return refuse(reply, { title: 'sign in first', status: 401, code: 'not-signed-in' })
    const answer = await wires.command({ ...command.data, by })
    if ('trouble' in answer) return pass(reply, answer)
    log.info('command-given', { by, action: command.data.action, warning: command.data.warningId })
    return reply.code(answer.got.status).send(answer.got.answer)
  })
}

function eventsRoute(server: FastifyInstance, { relay }: ApiOptions): void {
  server.get('/api/events', (request, reply) => {
    const lastEventId = request.headers['last-event-id']
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value)
    reply.hijack()
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // nginx would hold events back until its buffer is full.
      'x-accel-buffering': 'no',
    })
    reply.raw.write('retry: 1000\n\n')
    const listener = {
      write: (text: string) => void reply.raw.write(text),
      backlog: () => reply.raw.writableLength,
      close: () => void reply.raw.end(),
    }
    const leave = relay.listen(listener, typeof lastEventId === 'string' ? lastEventId : undefined)
    request.raw.on('close', leave)
  })
}
