/**
 * A broker with nothing but the promise: Aedes holds the PUBACK until `accept` resolves, the user name is the gateway.
 * The house's own broker does the same and much more; this room is tested with a real socket all the same.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AcceptPublish } from '@forewarn/contracts/intake'
import { Aedes, type Client } from 'aedes'

export async function startBareBroker({ accept, nowMs }: { accept: AcceptPublish; nowMs: () => number }) {
  const users = new WeakMap<Client, string>()
  const aedes = await Aedes.createBroker({
    concurrency: 0,
    authenticate(client, username, _, done) {
      users.set(client, username ?? '')
      done(null, true)
    },
    authorizePublish(client, { topic, payload }, done) {
      const gateway = client === null ? '' : (users.get(client) ?? '')
      accept({ gateway, topic, payload: Buffer.from(payload), receivedAtMs: nowMs() }).then(
        () => done(null),
        (cause: unknown) => done(new Error('not kept', { cause })),
      )
    },
  })
  const server = createServer(socket => void aedes.handle(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      await new Promise<void>(resolve => aedes.close(resolve))
      await closed
    },
  }
}
