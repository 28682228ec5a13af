/**
 * Ports for servers that tests start and that cannot be told to choose one themselves.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'

/** A port that is kept from others until it is released. */
export interface HeldPort {
  readonly port: number
  release(): Promise<void>
}

/** Holds a TCP port of 127.0.0.1. Who needs several holds them all before the first is released: so they differ. */
export async function holdPort(): Promise<HeldPort> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return {
    port: address.port,
    async release() {
      server.close()
      await once(server, 'close')
    },
  }
}

/** A TCP port of 127.0.0.1 that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const { port, release } = await holdPort()
  await release()
  return port
}
