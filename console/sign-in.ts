/**
 * Signing in and out. A wrong name and a wrong password take equally long and are told alike; tries are limited
 * per address and per name.
 */
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { isFromOwnPage, refuse } from './doors.ts'
import { verifyPassword } from './passwords.ts'
import { sealSession, sessionCookie, sessionMs } from './sessions.ts'
import type { Role, SignedIn } from './wire.ts'

/** Somebody who may sign in. `passwordHash` comes from `hashPassword`. */
export interface Officer {
  readonly name: string
  readonly passwordHash: string
  readonly role: Role
}

export interface SignInOptions {
  readonly officers: readonly Officer[]
  readonly sessionSecret: string
  readonly publicUrl: string | undefined
  /** The wall clock. */
  readonly wall: Pick<Clock, 'nowMs'>
  readonly log: Log
  /** Tries a minute from one address, and for one name. */
  readonly triesPerMinute: number
}

const Credentials = z.object({ name: z.string().trim().min(1).max(100), password: z.string().min(1).max(500) })

/** Adds `POST /api/sign-in` and `POST /api/sign-out`. The rate limit plugin must be registered. */
export function signInRoutes(server: FastifyInstance, options: SignInOptions): void {
  const { officers, publicUrl, wall, log, triesPerMinute } = options
  const tooMany = triesByName({ limit: triesPerMinute, nowMs: () => wall.nowMs() })
  const rateLimit = { max: triesPerMinute, timeWindow: 60_000 }
  server.post('/api/sign-in', { config: { rateLimit } }, async (request, reply) => {
    if (!isFromOwnPage(request, publicUrl)) return refuseForeign(reply)
    const given = Credentials.safeParse(request.body)
    if (!given.success)
      return refuse(reply, { title: 'name and password are needed', status: 422, code: 'not-credentials' })
    const { name, password } = given.data
    if (tooMany(name)) return refuse(reply, tooManyTries)
    const officer = officers.find(one => one.name === name)
    // Somebody unknown is measured against another's hash, so that time does not tell names apart.
    const hash = officer?.passwordHash ?? officers[0]?.passwordHash ?? ''
    const right = await verifyPassword({ password, hash })
    if (officer === undefined || !right) {
      log.warn('sign-in-refused', { name, address: request.ip })
      return refuse(reply, { title: 'name or password is wrong', status: 401, code: 'wrong-credentials' })
    }
    const signedIn: SignedIn = { name: officer.name, role: officer.role }
    setSession(
      reply,
      sealSession(signedIn, { secret: options.sessionSecret, untilMs: wall.nowMs() + sessionMs }),
      publicUrl,
    )
    log.info('officer-signed-in', { name: officer.name })
    return signedIn
  })
  server.post('/api/sign-out', async (request, reply) => {
    if (!isFromOwnPage(request, publicUrl)) return refuseForeign(reply)
    reply.clearCookie(sessionCookie, { path: '/' })
    return reply.code(204).send()
  })
}

export const tooManyTries = { title: 'too many tries, wait a minute', status: 429, code: 'too-many-tries' }

export function refuseForeign(reply: FastifyReply): FastifyReply {
  return refuse(reply, {
    title: 'this request did not come from the console’s own page',
    status: 403,
    code: 'foreign-origin',
  })
}

function setSession(reply: FastifyReply, value: string, publicUrl: string | undefined): void {
  reply.setCookie(sessionCookie, value, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: publicUrl?.startsWith('https:') ?? false,
    maxAge: sessionMs / 1000,
  })
}

/** Counts tries per name in the last minute: many addresses guessing one officer's password are held up as well. */
function triesByName({ limit, nowMs }: { limit: number; nowMs: () => number }): (name: string) => boolean {
  const tries = new Map<string, number[]>()
  return name => {
    const sinceMs = nowMs() - 60_000
    for (const [known, times] of tries) {
      const recent = times.filter(atMs => atMs > sinceMs)
      if (recent.length === 0) tries.delete(known)
      else tries.set(known, recent)
    }
    const times = tries.get(name) ?? []
    times.push(nowMs())
    tries.set(name, times)
    return times.length > limit
  }
}
