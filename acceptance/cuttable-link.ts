/**
 * A cable that can be pulled: a TCP relay in front of the broker. Cut, it ends every connection and takes no new one.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface CuttableLink {
  readonly port: number
  cut(): void
  restore(): void
  [Symbol.asyncDispose](): Promise<void>
}

/** Relays to `targetPort` on loopback; resolves once it listens. */
export async function cuttableLink(targetPort: number): Promise<CuttableLink> {
  const sockets = new Set<Socket>()
  let isCut = false
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // A pulled cable ends connections with errors; the ends learn of it by the close.
    socket.on('error', () => socket.destroy())
  }
  const server = createServer(near => {
    keep(near)
    if (isCut) return void near.destroy()
    const far = connect(targetPort, '127.0.0.1')
    keep(far)
    near.pipe(far).pipe(near)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the relay has no port')
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: address.port,
    cut,
    restore: () => {
      isCut = false
    },
    [Symbol.asyncDispose]: async () => {
      cut()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
