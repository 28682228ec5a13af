/**
 * The HTTP server between processes of one house: loopback unless told otherwise, a bearer token on every request,
 * problem+json (RFC 9457) for errors.
 */
import { timingSafeEqual } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'

export interface InnerServer {
  readonly url: string
  stop(): Promise<void>
}

export interface InnerServerOptions {
  readonly token: string
  readonly host?: string
  readonly port?: number
  /** Adds the routes. */
  readonly routes: (server: FastifyInstance) => void
}

/** Starts a server on a free port (or the given one) and resolves once it listens. */
export async function startInnerServer({
  token,
  host = '127.0.0.1',
  port = 0,
  routes,
}: InnerServerOptions): Promise<InnerServer> {
  const server = Fastify({ forceCloseConnections: true })
  server.addHook('onRequest', async (request, reply) => {
    if (sameText(request.headers.authorization ?? '', `Bearer ${token}`)) return
    await reply
      .code(401)
      .type('application/problem+json')
      .send({ title: 'the inner token is missing or wrong', status: 401 })
  })
  routes(server)
  const url = await server.listen({ host, port })
  return { url, stop: () => server.close() }
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
