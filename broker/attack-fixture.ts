/**
 * For tests that attack a broker: starts one in its own process, speaks raw packets to it, and watches a canary.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import { z } from 'zod'
import { credentialsFor, whenConnected } from './broker-fixture.ts'
import type { Credential } from './credentials.ts'
import type { BrokerLimits } from './limits.ts'
import { remainingLength } from './packet-bytes.ts'

export const megabyte = 1024 * 1024

export interface AttackedBroker {
  readonly port: number
  readonly passwords: ReadonlyMap<string, string>
  /** Bytes held after a collection of garbage: heap and buffers. */
  heldBytes(): Promise<number>
  counter(name: string): Promise<number>
  /** A connection that speaks raw bytes. */
  dial(): Promise<RawLine>
  /** The same, let in as this user under this client id. */
  login(user: string, options?: LoginOptions): Promise<RawLine>
  client(user: string, clientId?: string): Promise<MqttClient>
  isAlive(): boolean
  stop(): void
}

export interface LoginOptions {
  readonly clientId?: string
  readonly clean?: boolean
  readonly keepAliveS?: number
  readonly will?: { readonly topic: string; readonly payload: string }
}

export interface RawLine {
  readonly socket: Socket
  readonly closed: Promise<void>
  isClosed(): boolean
  /** Bytes that came so far. */
  received(): Buffer
  send(...bytes: readonly Buffer[]): void
  /** Resolves once so many bytes are there or the line is closed. */
  until(bytes: number): Promise<Buffer>
}

const Said = z.object({ port: z.number().optional(), heldBytes: z.number().optional(), text: z.string().optional() })

export async function startAttackedBroker(
  users: Readonly<Record<string, Omit<Credential, 'passwordHash'>>>,
  limits: Partial<BrokerLimits> = {},
): Promise<AttackedBroker> {
  const { passwords, credentials } = await credentialsFor(users)
  const wish = JSON.stringify({ credentials: Object.fromEntries(credentials), limits })
  const child = fork(join(import.meta.dirname, 'attacked-main.ts'), [wish], { execArgv: ['--expose-gc'] })
  const { port = 0 } = await said(child)
  const lines: Socket[] = []
  const clients: MqttClient[] = []
  const dial = async () => {
    const socket = connect(port, '127.0.0.1')
    lines.push(socket)
    return rawLine(socket)
  }
  return {
    port,
    passwords,
    dial,
    async heldBytes() {
      child.send('memory')
      return (await said(child)).heldBytes ?? Number.POSITIVE_INFINITY
    },
    async counter(name) {
      child.send('metrics')
      const { text = '' } = await said(child)
      const line = text.split('\n').find(candidate => candidate.startsWith(name))
      return Number(line?.split(' ').at(-1) ?? 0)
    },
    async login(user, options = {}) {
      const line = await dial()
      line.send(connectPacket(user, passwords.get(user) ?? '', options))
      await line.until(4)
      return line
    },
    async client(user, clientId = user) {
      const made = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
        username: user,
        password: passwords.get(user) ?? '',
        clientId,
        reconnectPeriod: 0,
      })
      clients.push(made)
      return whenConnected(made)
    },
    isAlive: () => child.exitCode === null && child.signalCode === null,
    stop() {
      for (const client of clients) client.end(true)
      for (const socket of lines) socket.destroy()
      child.disconnect()
    },
  }
}

function said(child: ChildProcess): Promise<z.infer<typeof Said>> {
  return new Promise((resolve, reject) => {
    child.once('message', message => resolve(Said.parse(message)))
    child.once('exit', code => reject(new Error(`the broker has ended with ${code}`)))
  })
}

async function rawLine(socket: Socket): Promise<RawLine> {
  let all: Buffer = Buffer.alloc(0)
  let isClosed = false
  let wake = () => {}
  const closed = new Promise<void>(resolve => {
    socket.once('close', () => {
      isClosed = true
      wake()
      resolve()
    })
  })
  // A reset is one way of being closed, and 'close' follows.
  socket.on('error', () => {})
  socket.on('data', bytes => {
    all = Buffer.concat([all, bytes])
    wake()
  })
  await new Promise<void>(resolve => {
    socket.once('connect', resolve)
    socket.once('close', resolve)
  })
  return {
    socket,
    closed,
    isClosed: () => isClosed,
    received: () => all,
    send: (...bytes) => void socket.write(Buffer.concat(bytes)),
    until: count =>
      new Promise(resolve => {
        wake = () => {
          if (all.length >= count || isClosed) resolve(all)
        }
        wake()
      }),
  }
}

/** A text with its length in front (§1.5.3). */
export function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

/** A packet with its first byte and length (§2.2). */
export function packetOf(first: number, ...body: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(body)
  return Buffer.concat([Buffer.from([first]), remainingLength(bytes.length), bytes])
}

export function connectPacket(user: string, password: string, options: LoginOptions = {}): Buffer {
  const { clientId = user, clean = true, keepAliveS = 60, will } = options
  const flags = 0xc0 | (clean ? 2 : 0) | (will === undefined ? 0 : 4)
  const willFields = will === undefined ? [] : [field(will.topic), field(will.payload)]
  const head = Buffer.from([4, flags, keepAliveS >> 8, keepAliveS & 0xff])
  return packetOf(0x10, field('MQTT'), head, field(clientId), ...willFields, field(user), field(password))
}

export const packetId = (id: number) => Buffer.from([id >> 8, id & 0xff])

export function subscribePacket(id: number, filters: readonly string[], qos = 0): Buffer {
  return packetOf(0x82, packetId(id), ...filters.flatMap(filter => [field(filter), Buffer.from([qos])]))
}

export function publishPacket(topic: string, payload: Buffer, { qos = 0, id = 1, retain = false } = {}): Buffer {
  return packetOf(0x30 | (qos << 1) | (retain ? 1 : 0), field(topic), ...(qos > 0 ? [packetId(id)] : []), payload)
}

export const ping = Buffer.from([0xc0, 0])

/** A gateway that goes on working while others attack. */
export interface Canary {
  /** Stops it. Resolves with how many of its messages were acknowledged, and the longest it waited, ms. */
  rest(): Promise<{ readonly acknowledged: number; readonly longestMs: number }>
}

export async function startCanary(broker: AttackedBroker): Promise<Canary> {
  const client = await broker.client('canary')
  let acknowledged = 0
  let longestMs = 0
  let working = true
  const sing = async () => {
    while (working) {
      const startMs = performance.now()
      await client.publishAsync('fw/1/jingan/canary/readings', '[]', { qos: 1 })
      acknowledged++
      longestMs = Math.max(longestMs, performance.now() - startMs)
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  // Ended before its rest, by a test that failed: that test says why.
  const song = sing().catch(() => {})
  return {
    async rest() {
      working = false
      await song
      return { acknowledged, longestMs }
    },
  }
}
