/** How the inner server says that something is not so: problem+json (RFC 9457). */
import type { FastifyReply } from 'fastify'

export function problem(reply: FastifyReply, title: string, status = 404) {
  return reply.code(status).type('application/problem+json').send({ title, status })
}
