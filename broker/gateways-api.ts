/**
 * What the command line asks of the broker, on the inner server: who is in, who waits, and the deeds of an operator.
 * Every deed is on disk before it is answered.
 */
import { randomBytes } from 'node:crypto'
import type { ProcessHealth } from '@forewarn/contracts/health'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Claims } from './claims.ts'
import type { Configurations } from './configuration/configurations.ts'
import { configurationRoutes } from './configuration/configurations-api.ts'
import type { Holding } from './counts.ts'
import type { CredentialStore } from './credential-store.ts'
import { isShut, makeCredential, tokenFrom } from './credentials.ts'
import type { Guests } from './guests.ts'
import type { BrokerLimits } from './limits.ts'
import { digestOf } from './password-hash.ts'
import { problem } from './problem.ts'
import { isFilter } from './topic-filters.ts'

interface ApiParts {
  readonly store: CredentialStore
  readonly claims: Claims
  readonly configurations: Configurations
  readonly guests: Guests
  readonly limits: BrokerLimits
  readonly holding: () => Holding
  readonly banish: (user: string) => void
  readonly open?: boolean | undefined
  readonly clock: Clock
  readonly log: Log
}

const Who = z.object({ id: z.string().min(1).max(64) })
const Approval = z.object({ fingerprint: z.string() })
const dayS = 86_400
const Rotation = z.object({
  graceS: z
    .number()
    .min(0)
    .max(30 * dayS)
    .default(0),
})
const TokenRequest = z.object({
  forS: z
    .number()
    .min(60)
    .max(3650 * dayS),
})
const KeyRequest = z.object({
  uses: z.number().int().min(1).max(10_000),
  forS: z
    .number()
    .min(60)
    .max(365 * dayS),
})
const Filters = z.array(z.string().max(200).refine(isFilter, 'not a topic filter')).max(20)
const Rights = z.object({
  publish: Filters.optional(),
  subscribe: Filters.optional(),
  needsCertificate: z.boolean().optional(),
})

/** Tokens of one gateway at a time. */
const maxTokens = 8

export function gatewayRoutes(parts: ApiParts) {
  return (server: FastifyInstance) => {
    server.setErrorHandler((error, _, reply) => {
      if (error instanceof z.ZodError) return problem(reply, z.prettifyError(error), 400)
      const wrongUse = wrongUseOf(error)
      if (wrongUse !== undefined) return problem(reply, wrongUse.message, wrongUse.statusCode)
      parts.log.error('inner-request-failed', { reason: String(error) })
      return problem(reply, 'it could not be done, see the log', 500)
    })
    server.get('/health', () => healthOf(parts))
    listRoutes(server, parts)
    claimRoutes(server, parts)
    credentialRoutes(server, parts)
    tokenRoutes(server, parts)
    configurationRoutes(server, parts)
  }
}

const WrongUse = z.object({ statusCode: z.number().min(400).max(499), message: z.string() })

/** What Fastify itself refuses: a body that is no JSON or too large. */
function wrongUseOf(error: unknown): z.infer<typeof WrongUse> | undefined {
  return WrongUse.safeParse(error).data
}

function listRoutes(server: FastifyInstance, { store, guests, clock }: ApiParts): void {
  server.get('/gateways', () => {
    const now = clock.nowMs()
    return [...store.credentials]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([id, credential]) => ({
        id,
        role: credential.role ?? 'gateway',
        state: isShut(credential, now) ? 'shut-out' : 'active',
        connections: guests.ofUser(id).map(({ address, client }) => ({ address, client: client.id })),
        tokens: (credential.tokens ?? []).map(token => ({ id: token.id, expiresAtMs: token.expiresAtMs })),
        ...(credential.renewedAtMs === undefined ? {} : { renewedAtMs: credential.renewedAtMs }),
        publish: credential.publish ?? [],
        subscribe: credential.subscribe ?? [],
        needsCertificate: credential.needsCertificate ?? false,
      }))
  })
  server.get('/gateways/pending', () => [...store.claims.values()])
  server.get('/gateways/claim-keys', () =>
    [...store.claimKeys.values()].map(({ id, usesLeft, expiresAtMs }) => ({ id, usesLeft, expiresAtMs })),
  )
}

function claimRoutes(server: FastifyInstance, { store, claims, log }: ApiParts): void {
  const makeKey = async (asked: unknown) => {
    const { uses, forS } = KeyRequest.parse(asked)
    const made = await claims.makeKey({ uses, forMs: forS * 1000 })
    log.info('claim-key-made', { id: made.id, uses })
    return made
  }
  server.post('/gateways/claim-keys', request => makeKey(request.body))
  server.post('/gateways/claim-keys/:id/revoke', async (request, reply) => {
    const { id } = Who.parse(request.params)
    if (!store.claimKeys.has(id)) return problem(reply, `there is no claim key ${id}`)
    await store.deleteClaimKey(id)
    log.info('claim-key-revoked', { id })
    return { id }
  })
  server.post('/gateways/:id/approve', async (request, reply) => {
    const { id } = Who.parse(request.params)
    const { fingerprint } = Approval.parse(request.body)
    if (!(await claims.approve(id, fingerprint)))
      return problem(reply, `nobody with the fingerprint ${fingerprint} claims ${id}`)
    log.info('gateway-approved', { gateway: id, fingerprint })
    return { id, state: 'approved' }
  })
  server.post('/gateways/:id/reject', async (request, reply) => {
    const { id } = Who.parse(request.params)
    if (!(await claims.reject(id))) return problem(reply, `nobody claims ${id}`)
    log.info('gateway-rejected', { gateway: id })
    return { id, state: 'rejected' }
  })
}

function credentialRoutes(server: FastifyInstance, { store, banish, clock, log }: ApiParts): void {
  server.post('/gateways/:id/rotate', async (request, reply) => {
    const { id } = Who.parse(request.params)
    const { graceS } = Rotation.parse(request.body ?? {})
    const before = store.credentials.get(id)
    if (before === undefined) return problem(reply, `there is no gateway ${id}`)
    const { password, credential } = await makeCredential(before.role)
    const { passwordHash } = before
    const previous =
      graceS > 0 && passwordHash !== undefined ? { passwordHash, untilMs: clock.nowMs() + graceS * 1000 } : undefined
    await store.setCredential(id, {
      ...before,
      ...credential,
      renewedAtMs: clock.nowMs(),
      previous,
      revoked: undefined,
    })
    if (previous === undefined) banish(id)
    log.info('gateway-key-rotated', { gateway: id, graceS })
    return { id, password }
  })
  server.post('/gateways/:id/revoke', async (request, reply) => {
    const { id } = Who.parse(request.params)
    const before = store.credentials.get(id)
    if (before === undefined) return problem(reply, `there is no gateway ${id}`)
    // Nothing of it is kept: who comes back is taken in anew.
    await store.setCredential(id, { role: before.role, revoked: true })
    banish(id)
    log.info('gateway-revoked', { gateway: id })
    return { id, state: 'shut-out' }
  })
  server.post('/gateways/:id/rights', async (request, reply) => {
    const { id } = Who.parse(request.params)
    const rights = Rights.parse(request.body)
    const before = store.credentials.get(id)
    if (before === undefined) return problem(reply, `there is no gateway ${id}`)
    await store.setCredential(id, { ...before, ...rights })
    // Rights are read when a connection comes in.
    banish(id)
    log.info('gateway-rights-changed', { gateway: id })
    return { id, ...rights }
  })
}

function tokenRoutes(server: FastifyInstance, { store, banish, clock, log }: ApiParts): void {
  server.post('/gateways/:id/tokens', async (request, reply) => {
    const { id } = Who.parse(request.params)
    const { forS } = TokenRequest.parse(request.body)
    const before = store.credentials.get(id)
    if (before === undefined || before.revoked === true) return problem(reply, `there is no gateway ${id}`)
    const now = clock.nowMs()
    const living = (before.tokens ?? []).filter(token => token.expiresAtMs > now)
    if (living.length >= maxTokens) return problem(reply, `${id} has ${maxTokens} tokens already`, 409)
    const secret = randomBytes(24).toString('base64url')
    const made = {
      id: randomBytes(4).toString('hex'),
      secret,
      digest: digestOf(secret),
      expiresAtMs: now + forS * 1000,
    }
    const { text, token } = tokenFrom(made)
    await store.setCredential(id, { ...before, tokens: [...living, token] })
    log.info('token-made', { gateway: id, token: token.id })
    return { id: token.id, token: text, expiresAtMs: token.expiresAtMs }
  })
  server.post('/gateways/:id/tokens/revoke', async (request, reply) => {
    const { id } = Who.parse(request.params)
    const before = store.credentials.get(id)
    if (before === undefined) return problem(reply, `there is no gateway ${id}`)
    await store.setCredential(id, { ...before, tokens: [] })
    // Which connection came with which token is not known: all of them prove themselves again.
    banish(id)
    log.info('tokens-revoked', { gateway: id })
    return { id }
  })
}

function healthOf({ holding, limits, clock, open, store }: ApiParts): ProcessHealth {
  const figures = holding()
  const full = figures.connections >= 0.9 * limits.maxConnections
  const checks: ProcessHealth['checks'] = [
    {
      name: 'connections',
      status: full ? 'warning' : 'ok',
      detail: `${figures.connections} of ${limits.maxConnections}`,
      remedy: full ? 'raise maxConnections in FOREWARN_MQTT_LIMITS, or look who connects' : '',
    },
  ]
  if (open === true)
    checks.push({
      name: 'access',
      status: 'failed',
      detail: 'the broker is open to everybody',
      remedy: 'start it without FOREWARN_OPEN_BROKER',
    })
  return {
    process: 'broker',
    atMs: clock.nowMs(),
    checks,
    figures: { ...figures, gateways: store.credentials.size, pendingClaims: store.claims.size },
  }
}
