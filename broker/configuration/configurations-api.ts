/**
 * What the command line asks of a gateway's configuration, on the inner server: sends one, sends the one before again,
 * sends the gateway back to its own settings file, and tells what became of it. Whether settings make sense is the
 * agent's to say: it tries them and refuses with a reason.
 */
import { Id } from '@forewarn/contracts/district'
import type { Log } from '@forewarn/runtime/log'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import type { CredentialStore } from '../credential-store.ts'
import { problem } from '../problem.ts'
import type { Configurations, Sending } from './configurations.ts'

export interface ConfigurationApiParts {
  readonly store: CredentialStore
  readonly configurations: Configurations
  readonly log: Log
}

const Who = z.object({ id: Id })
const By = z.string().min(1).max(100).optional()
const Deed = z.strictObject({ by: By })
const Wish = z.strictObject({ settings: z.record(z.string(), z.unknown()), by: By })

/** Device profiles as YAML text are the most of it; a gateway takes packets of this size on a metered uplink. */
const maxBytes = 256 * 1024

const path = '/gateways/:id/configuration'

export function configurationRoutes(server: FastifyInstance, parts: ConfigurationApiParts): void {
  server.register(async routes => {
    // Only gateways have a configuration: a dispatcher has none.
    routes.addHook('preHandler', async (request, reply) => {
      const { id } = Who.parse(request.params)
      const credential = parts.store.credentials.get(id)
      const isGateway = credential !== undefined && (credential.role ?? 'gateway') === 'gateway'
      if (!isGateway) return await problem(reply, `there is no gateway ${id}`)
    })
    deeds(routes, parts)
  })
}

function deeds(routes: FastifyInstance, { configurations, log }: ConfigurationApiParts): void {
  const answer = (reply: FastifyReply, id: string, { sent, retained }: Sending) => {
    const { version, by, restores } = sent
    log.info('configuration-sent', { gateway: id, version, by, restores })
    if (retained) return { id, version, ...(restores === undefined ? {} : { restores }) }
    const title = `version ${version} is kept, but the broker has no room to retain it for a gateway that is away`
    return problem(reply, title, 507)
  }
  routes.get(path, request => configurations.report(Who.parse(request.params).id))
  routes.put(path, { bodyLimit: maxBytes }, async (request, reply) => {
    const { id } = Who.parse(request.params)
    const { settings, by } = Wish.parse(request.body)
    return answer(reply, id, await configurations.send({ gateway: id, settings, by }))
  })
  routes.delete(path, async (request, reply) => {
    const { id } = Who.parse(request.params)
    const { by } = Deed.parse(request.body ?? {})
    return answer(reply, id, await configurations.send({ gateway: id, settings: {}, by }))
  })
  routes.post(`${path}/back`, async (request, reply) => {
    const { id } = Who.parse(request.params)
    const { by } = Deed.parse(request.body ?? {})
    const sending = await configurations.sendBack({ gateway: id, by })
    if (sending === 'nothing-before') return problem(reply, `nothing was sent to ${id} before the last version`, 409)
    return answer(reply, id, sending)
  })
}
