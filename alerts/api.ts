/** The inner HTTP API of `alerts`, as `contracts/alerts-api.ts` says. */
import { Command, type CommandAnswer, type Score, type WarningsSnapshot } from '@forewarn/contracts/alerts-api'
import type { ProcessHealth } from '@forewarn/contracts/health'
import type { Clock } from '@forewarn/runtime/clock'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { ControlRoom } from './control-room.ts'
import type { EventStreams } from './event-stream.ts'
import type { Ledger } from './ledger.ts'
import { scoreOf } from './score.ts'

export interface ApiOptions {
  readonly ledger: Ledger
  readonly room: ControlRoom
  readonly streams: EventStreams
  readonly clock: Clock
  readonly health: () => Promise<ProcessHealth>
}

const dayMs = 24 * 60 * 60 * 1000

const statusOf: Record<CommandAnswer['result'], number> = {
  taken: 200,
  'taken-before': 200,
  'somebody-was-first': 409,
  'no-such-warning': 404,
  'not-possible': 422,
}

/** Adds the routes to the inner server. */
export function addRoutes(server: FastifyInstance, { ledger, room, streams, clock, health }: ApiOptions): void {
  server.get('/warnings', async (): Promise<WarningsSnapshot> => {
    const atMs = clock.nowMs()
    return { atMs, ...(await ledger.snapshot(atMs - dayMs)) }
  })
  server.get<{ Params: { id: string } }>('/warnings/:id', async ({ params }, reply) => {
    const warning = await ledger.warning(params.id)
    if (warning !== undefined) return warning
    return reply.code(404).type('application/problem+json').send({ title: 'no such warning', status: 404 })
  })
  server.get('/score', async (): Promise<Score> => scoreOf(await ledger.outcomes()))
  server.get('/health', health)
  server.get('/events', async (request, reply) => {
    const asked = z.coerce.number().int().nonnegative().safeParse(request.headers['last-event-id'])
    const after = asked.success ? asked.data : (await ledger.snapshot(clock.nowMs())).lastEventId
    reply.hijack()
    streams.attach(reply.raw, after)
  })
  server.post('/commands', async (request, reply) => {
    const command = Command.safeParse(request.body)
    if (!command.success) {
      const problem = { title: 'not a command', status: 422, detail: z.prettifyError(command.error) }
      return reply.code(422).type('application/problem+json').send(problem)
    }
    const answer = await room.command(command.data)
    return reply.code(statusOf[answer.result]).send(answer)
  })
}
