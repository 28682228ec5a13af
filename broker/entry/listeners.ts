/**
 * Where clients knock: plain TCP, TLS, and WebSocket over either. Each accepted connection is handed on with what is
 * known of its caller.
 */

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer, TLSSocket, type Server as TlsServer } from 'node:tls'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import { createWebSocketStream, WebSocketServer } from 'ws'
import { isThisMachine } from './address-limits.ts'
import type { Caller } from './entrance.ts'
import { certificateName, readTlsMaterial, type TlsFiles, versionOf } from './tls-material.ts'

export interface ListenOptions {
  readonly host: string
  /** Plain MQTT; 0 takes a free port, as for each port here. */
  readonly port: number
  /** Plain MQTT on `host` too; else it stays on this machine and only TLS goes further. */
  readonly plainOnNetwork?: boolean | undefined
  readonly webSocketPort?: number | undefined
  readonly tls?: TlsOptions | undefined
}

export interface TlsOptions extends TlsFiles {
  readonly port: number
  readonly webSocketPort?: number | undefined
  /** Nobody gets further than the handshake without one. Per gateway it is `needsCertificate`. */
  readonly clientCertificateRequired?: boolean | undefined
}

export interface Ports {
  readonly plain: number
  readonly tls: number | undefined
  readonly webSocket: number | undefined
  readonly secureWebSocket: number | undefined
}

export interface Listeners {
  readonly ports: Ports
  /** Reads the certificates again if their files have changed; by itself every ten seconds. */
  reloadCertificates(): Promise<void>
  close(): Promise<void>
}

interface ListenParts {
  readonly handshakeTimeoutMs: number
  readonly maxPacketBytes: number
  /** False: the connection is refused and destroyed at once. Called before any TLS. */
  readonly mayEnter: (socket: Socket) => boolean
  readonly onConnection: (stream: Duplex, caller: Caller, request?: IncomingMessage) => void
  readonly onBadCertificate: (reason: string, address: string) => void
  readonly clock: Clock
  readonly log: Log
}

const reloadPeriodMs = 10_000
const lifeOfTicketsS = 24 * 3600

/** Starts all listeners; rejects with the system's error (EADDRINUSE, ENOENT of a certificate) when one cannot. */
export async function startListeners(options: ListenOptions, parts: ListenParts): Promise<Listeners> {
  const open: Server[] = []
  const listen = async (server: Server, host: string, port: number | undefined): Promise<number | undefined> => {
    if (port === undefined) return undefined
    // First of all: whoever may not enter costs no handshake.
    server.prependListener('connection', (socket: Socket) => {
      if (!parts.mayEnter(socket)) socket.destroy()
    })
    open.push(server)
    // The default backlog of 511 makes ten thousand gateways wait for repeated SYNs after a power cut.
    server.listen({ host, port, backlog: 4096 })
    await once(server, 'listening')
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : port
  }
  const close = async () => {
    await Promise.all(open.map(server => closeServer(server)))
  }
  try {
    const plainHost = plainHostOf(options, parts.log)
    const secure = await secureServers(options.tls, parts)
    const ports = {
      plain: (await listen(createTcpServer(acceptSocket(parts)), plainHost, options.port)) ?? options.port,
      webSocket: await listen(
        webSocketServer(createHttpServer(slowHttp(parts)), parts),
        plainHost,
        options.webSocketPort,
      ),
      tls: await listen(secure.mqtt, options.host, options.tls?.port),
      secureWebSocket: await listen(secure.webSocket, options.host, options.tls?.webSocketPort),
    }
    const stopReloading = parts.clock.every(reloadPeriodMs * parts.clock.speed, () => void secure.reload())
    return {
      ports,
      reloadCertificates: secure.reload,
      async close() {
        stopReloading()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Plain text stays on this machine unless somebody has said otherwise. */
export function plainHostOf({ host, plainOnNetwork, tls }: ListenOptions, log: Log): string {
  if (plainOnNetwork === true || isThisMachine(host) || host === 'localhost') return host
  const hint =
    tls === undefined
      ? 'set FOREWARN_TLS_CERT and FOREWARN_TLS_KEY for gateways on the network, or FOREWARN_MQTT_PLAIN=yes'
      : 'gateways on the network use the TLS port'
  log.warn('plain-mqtt-stays-on-this-machine', { host, hint })
  return '127.0.0.1'
}

function acceptSocket(parts: ListenParts) {
  return (socket: Socket) => {
    if (socket.destroyed) return
    socket.setNoDelay(true)
    parts.onConnection(socket, { address: socket.remoteAddress ?? '', certificate: undefined })
  }
}

function acceptTlsSocket(parts: ListenParts, required: boolean) {
  return (socket: TLSSocket) => {
    const caller = callerOver(socket, parts, required)
    if (caller === undefined) return void socket.destroy()
    socket.setNoDelay(true)
    parts.onConnection(socket, caller)
  }
}

/** Who calls over TLS; undefined, and told, when the certificate is not good. */
function callerOver(socket: TLSSocket, parts: ListenParts, required: boolean): Caller | undefined {
  const address = socket.remoteAddress ?? ''
  const name = certificateName(socket)
  if (typeof name === 'object') return { address, certificate: name.gateway }
  if (name === 'none' && !required) return { address, certificate: undefined }
  parts.onBadCertificate(name === 'none' ? 'certificate-missing' : `certificate-${name}`, address)
  return undefined
}

async function secureServers(tls: TlsOptions | undefined, parts: ListenParts) {
  const { log } = parts
  const material = tls === undefined ? {} : await readTlsMaterial(tls)
  const options = {
    ...material,
    requestCert: tls?.caFile !== undefined,
    // Judged by us: whoever brings no certificate may still have a password.
    rejectUnauthorized: false,
    handshakeTimeout: parts.handshakeTimeoutMs,
    sessionTimeout: lifeOfTicketsS,
    ticketKeys: randomBytes(48),
  }
  const required = tls?.clientCertificateRequired === true
  const mqtt = createTlsServer(options, acceptTlsSocket(parts, required))
  const webSocket = createHttpsServer({ ...options, ...slowHttp(parts) })
  webSocketServer(webSocket, parts, required)
  const servers: TlsServer[] = [mqtt, webSocket]
  for (const server of servers)
    server.on('tlsClientError', (error, socket) => {
      log.debug('tls-handshake-failed', { from: socket.remoteAddress, reason: error.message })
      // After a handshake that took too long Node leaves this to us.
      socket.destroy()
    })
  let version = tls === undefined ? undefined : await versionOf(tls)
  const reload = async () => {
    const now = tls === undefined ? undefined : await versionOf(tls)
    if (tls === undefined || now === undefined || now === version) return
    try {
      const renewed = await readTlsMaterial(tls)
      for (const server of servers) {
        server.setSecureContext({ ...renewed, sessionTimeout: lifeOfTicketsS })
        // A resumed session is not checked against the list of certificates taken back: all start afresh.
        server.setTicketKeys(randomBytes(48))
      }
      version = now
      log.info('certificates-reloaded', { certificate: tls.certFile })
    } catch (error) {
      log.error('certificates-not-reloaded', { reason: String(error), hint: 'the ones before stay in use' })
    }
  }
  return { mqtt, webSocket, reload }
}

/** A WebSocket begins with an HTTP request: whoever dribbles it in is cut off as with a slow CONNECT. */
function slowHttp({ handshakeTimeoutMs }: ListenParts) {
  return {
    headersTimeout: handshakeTimeoutMs,
    requestTimeout: handshakeTimeoutMs,
    connectionsCheckingInterval: 1000,
    maxHeaderSize: 8192,
  }
}

const subprotocols = ['mqtt', 'mqttv3.1']

/** Serves MQTT over WebSocket (MQTT 3.1.1 §6) on an HTTP server. Returns that server. */
function webSocketServer(server: HttpServer | HttpsServer, parts: ListenParts, required = false): Server {
  const sockets = new WebSocketServer({
    server,
    maxPayload: 2 * parts.maxPacketBytes,
    // 6.0.0-3, 6.0.0-4: the client offers one of these, or it is none of ours.
    handleProtocols: offered => subprotocols.find(name => offered.has(name)) ?? false,
    verifyClient: ({ req }: { req: IncomingMessage }) => offersMqtt(req),
  })
  // What fails before a connection stands is told to the client by the HTTP server.
  sockets.on('error', error => parts.log.debug('websocket-failed', { reason: error.message }))
  sockets.on('connection', (socket, request) => {
    const { socket: carrier } = request
    const plain: Caller = { address: carrier.remoteAddress ?? '', certificate: undefined }
    const caller = carrier instanceof TLSSocket ? callerOver(carrier, parts, required) : plain
    const stream = createWebSocketStream(socket)
    // A text frame (6.0.0-1), a frame too large: the stream ends, and Aedes hears of that.
    stream.on('error', error => parts.log.debug('websocket-failed', { from: plain.address, reason: error.message }))
    if (caller === undefined) stream.destroy()
    else parts.onConnection(stream, caller, request)
  })
  return server
}

function offersMqtt(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? ''
  return offered.split(',').some(name => subprotocols.includes(name.trim()))
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  await closed
}
