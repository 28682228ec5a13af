/**
 * Who may come in: security headers on every answer, a session or the inner token for everything behind the
 * sign-in, and for commands the proof that they come from our own page.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { openSession, sameText, sessionCookie } from './sessions.ts'
import type { Problem, SignedIn } from './wire.ts'

/** Everything from ourselves. Inline styles are refused as well; the page sets them through the CSSOM. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "object-src 'none'",
  "img-src 'self' data:",
].join('; ')

const securityHeaders = {
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

/** Sets the security headers; `https` adds HSTS. */
export function secureHeaders(reply: FastifyReply, { https }: { https: boolean }): void {
  reply.headers(securityHeaders)
  if (https) reply.header('strict-transport-security', 'max-age=31536000')
}

export interface DoorKeys {
  readonly innerToken: string
  readonly sessionSecret: string
  readonly wallMs: () => number
}

/** The signed-in officer of a request, from its cookie. */
export function officerOf(request: FastifyRequest, { sessionSecret, wallMs }: DoorKeys): SignedIn | undefined {
  return openSession(request.cookies[sessionCookie], { secret: sessionSecret, wallMs: wallMs() })
}

/** Whether a tool of the house asks, with the inner token. */
export function isInnerCall(request: FastifyRequest, { innerToken }: DoorKeys): boolean {
  return sameText(request.headers.authorization ?? '', `Bearer ${innerToken}`)
}

/**
 * Whether a changing request comes from our own page (OWASP CSRF cheat sheet: verifying the origin). Every browser
 * sends `Origin` with a POST; without one it is no browser, and then a cookie alone is no proof.
 */
export function isFromOwnPage(request: FastifyRequest, publicUrl: string | undefined): boolean {
  const { origin, host } = request.headers
  if (origin === undefined || !URL.canParse(origin)) return false
  if (publicUrl !== undefined && new URL(publicUrl).origin === origin) return true
  return new URL(origin).host === host
}

/** Answers with problem+json (RFC 9457). */
export function refuse(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).type('application/problem+json').send(problem)
}
