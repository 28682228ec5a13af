/**
 * The quarantine over HTTP: what is in it, one entry whole, release and discard (contracts/quarantine.ts).
 */
import {
  DiscardRequest,
  type QuarantineAnswer,
  type QuarantineProblem,
  ReleaseRequest,
} from '@forewarn/contracts/quarantine'
import { z } from 'zod'
import type { Quarantine } from './quarantine.ts'
import { problem, type Releases } from './releases.ts'

interface Request {
  readonly params: unknown
  readonly body: unknown
}

interface Reply {
  code(status: number): Reply
  type(contentType: string): Reply
  send(body: unknown): unknown
}

interface Routes {
  get(path: string, answer: (request: Request, reply: Reply) => unknown): unknown
  post(path: string, answer: (request: Request, reply: Reply) => unknown): unknown
}

const Params = z.object({ id: z.string().max(20) })

/** Adds the routes. */
export function quarantineRoutes(
  routes: Routes,
  { quarantine, releases }: { quarantine: Quarantine; releases: Releases },
): void {
  routes.get('/quarantine', async () => quarantine.report())
  routes.get('/quarantine/:id', async (request, reply) => {
    const { id } = Params.parse(request.params)
    return quarantine.entry(id) ?? answer(reply, problem('no-such-entry', `there is no entry ${id} in quarantine`))
  })
  routes.post('/quarantine/:id/release', async (request, reply) => {
    const { id } = Params.parse(request.params)
    const asked = ReleaseRequest.safeParse(request.body)
    return answer(reply, asked.success ? await releases.release(id, asked.data) : badRequest(asked.error))
  })
  routes.post('/quarantine/:id/discard', async (request, reply) => {
    const { id } = Params.parse(request.params)
    const asked = DiscardRequest.safeParse(request.body)
    return answer(reply, asked.success ? await releases.discard(id, asked.data) : badRequest(asked.error))
  })
}

function answer(reply: Reply, said: QuarantineAnswer | QuarantineProblem): unknown {
  return 'status' in said ? reply.code(said.status).type('application/problem+json').send(said) : said
}

function badRequest({ issues }: z.ZodError): QuarantineProblem {
  const [first] = issues
  return problem('bad-request', `${first?.path.join('.') ?? ''}: ${first?.message ?? 'not usable'}`)
}
