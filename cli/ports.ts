/**
 * Whether a port can be taken.
 */
import { createServer } from 'node:net'

/** Listens for a moment. Resolves with the system's code (`EADDRINUSE`) when it cannot, undefined when it can. */
export function tryListen({ host, port }: { host: string; port: number }): Promise<string | undefined> {
  return new Promise(done => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => done(undefined)))
  })
}
