/**
 * The TCP port that devices connect to: pieces of each connection one after the other, a limit on how many connect and
 * how long they may be silent. Knows no protocol.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { Log } from '@forewarn/runtime/log'

/** One device's connection, as its protocol sees it. */
export interface DeviceLine {
  /** `address:port`, for logs. */
  readonly peer: string
  /** Best effort: a device that went away is noticed by its silence. */
  send(bytes: Uint8Array): void
  close(): void
}

/** What a protocol does with one connection. */
export interface LineHandler {
  /** The next piece waits until it resolves, so that a slow disk slows the device and fills no memory. */
  take(piece: Uint8Array): Promise<void>
  /** The connection is gone; nothing more comes. */
  closed(): void | Promise<void>
}

export interface DeviceServerOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly onLine: (line: DeviceLine) => LineHandler
  readonly log: Log
  /** More connections than this are closed at once; 2000 unless given. */
  readonly connectionsAtMost?: number
  /** A connection silent for so long (wall time) is closed; 70 minutes unless given: many stations speak on the hour. */
  readonly silentAtMostMs?: number
}

export interface DeviceServer {
  readonly port: number
  /** `host:port`. */
  readonly listensAt: string
  readonly connections: number
  /** Closed because there were too many. */
  readonly refusedConnections: number
  /** Closes every connection; resolves when what was being taken is taken. */
  stop(): Promise<void>
}

const hourlyMs = 70 * 60_000

/** Resolves once the port listens; rejects, naming it, when it cannot be had: the system's error is the cause. */
export async function startDeviceServer(options: DeviceServerOptions): Promise<DeviceServer> {
  const { listen, connectionsAtMost = 2000, log } = options
  const lines = new Map<Socket, Promise<void>>()
  let refusedConnections = 0
  const server = createServer(socket => {
    if (lines.size >= connectionsAtMost) {
      refusedConnections++
      log.warn('device-refused', { peer: peerOf(socket), connections: lines.size })
      socket.destroy()
      return
    }
    lines.set(
      socket,
      serve(socket, options).finally(() => lines.delete(socket)),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(listen.port, listen.host, resolve)
  }).catch((cause: unknown) => {
    throw new Error(`listen on ${listen.host}:${listen.port}`, { cause })
  })
  // A server error after the start (no file descriptors left) must not end the process.
  server.on('error', error => log.error('device-server-troubled', { port: portOf(server), trouble: error.message }))
  return {
    port: portOf(server),
    listensAt: `${listen.host}:${portOf(server)}`,
    get connections() {
      return lines.size
    },
    get refusedConnections() {
      return refusedConnections
    },
    stop: () => stopServer(server, lines),
  }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`
}

/** Serves one connection to its end. Never rejects. */
async function serve(socket: Socket, { onLine, silentAtMostMs = hourlyMs, log }: DeviceServerOptions): Promise<void> {
  const peer = peerOf(socket)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 60_000)
  socket.setTimeout(silentAtMostMs, () => socket.destroy())
  const handler = onLine({
    peer,
    send: bytes => void (socket.writable && socket.write(bytes)),
    close: () => socket.destroy(),
  })
  // A device that drops its connection, or a fault of ours in one connection: the others go on.
  const lost = (error: unknown) => log.debug('device-line-lost', { peer, trouble: String(error) })
  await takeAll(socket, handler).catch(lost)
  socket.destroy()
  await endOf(handler).catch(lost)
}

async function endOf(handler: LineHandler): Promise<void> {
  await handler.closed()
}

async function takeAll(socket: Socket, handler: LineHandler): Promise<void> {
  for await (const piece of socket) if (Buffer.isBuffer(piece)) await handler.take(piece)
}

async function stopServer(server: Server, lines: ReadonlyMap<Socket, Promise<void>>): Promise<void> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  for (const socket of lines.keys()) socket.destroy()
  await Promise.all(lines.values())
  await closed
}
