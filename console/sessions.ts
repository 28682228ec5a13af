/**
 * Who is signed in: a signed cookie, so that a restart signs nobody out. The signature covers name, role and end;
 * a session ends after a shift, by the wall clock, because people do not sleep faster in a drill.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { roles, type SignedIn } from './wire.ts'

export const sessionCookie = 'forewarn_session'
/** A shift of twelve hours and its handover. */
export const sessionMs = 13 * 3_600_000

const Session = z.object({ name: z.string(), role: z.enum(roles), untilMs: z.number() })

/** Signs a session that ends at `untilMs` (wall clock, UTC ms). */
export function sealSession(officer: SignedIn, { secret, untilMs }: { secret: string; untilMs: number }): string {
  const body = Buffer.from(JSON.stringify({ name: officer.name, role: officer.role, untilMs })).toString('base64url')
  return `${body}.${signatureOf(body, secret)}`
}

/** Who a cookie speaks for at `wallMs`; undefined when it is forged, damaged or over. */
export function openSession(
  cookie: string | undefined,
  { secret, wallMs }: { secret: string; wallMs: number },
): SignedIn | undefined {
  const [body, signature, ...rest] = cookie?.split('.') ?? []
  if (!body || !signature || rest.length > 0) return undefined
  if (!sameText(signature, signatureOf(body, secret))) return undefined
  const session = Session.parse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')))
  return session.untilMs > wallMs ? { name: session.name, role: session.role } : undefined
}

function signatureOf(body: string, secret: string): string {
  return createHmac('sha256', secret).update(`forewarn-session-1.${body}`).digest('base64url')
}

/** Compares two texts without telling by its time how much of them is alike. */
export function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
