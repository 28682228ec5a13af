/**
 * A broker for tests, with clients that are cleaned up after each: real Aedes, real sockets.
 */
import { once } from 'node:events'
import { connect as connectSocket, type Socket } from 'node:net'
import type { Publish } from '@forewarn/contracts/intake'
import { type HandClock, handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { type Credential, makeCredential } from './credentials.ts'
import { type Broker, type BrokerOptions, startBroker } from './start.ts'

export const innerToken = 'an inner token of some length, for tests'

export interface TestBroker {
  readonly broker: Broker
  readonly clock: HandClock
  readonly passwords: ReadonlyMap<string, string>
  readonly published: readonly Publish[]
  client(user: string, options?: IClientOptions): MqttClient
  /** Resolves when it is in; rejects with what it was told otherwise. */
  connected(user: string, options?: IClientOptions): Promise<MqttClient>
  /** The CONNACK return code a client was refused with; `closed` when there was none. */
  refusalOf(user: string, options?: IClientOptions): Promise<unknown>
  /** A bare connection; what it has received so far, and when it is closed. */
  line(): Promise<Line>
  metric(name: string): Promise<number>
  /** Asks the inner server. */
  ask(path: string, body?: unknown): Promise<{ readonly status: number; readonly answer: unknown }>
  stop(): Promise<void>
}

export interface Line {
  readonly socket: Socket
  send(...bytes: readonly Buffer[]): void
  /** Resolves with the first so many bytes; with fewer when the connection is closed before. */
  receive(count: number): Promise<Buffer>
  readonly closed: Promise<void>
}

export async function startTestBroker(
  users: Readonly<Record<string, Omit<Credential, 'passwordHash'>>>,
  options: Partial<BrokerOptions> = {},
): Promise<TestBroker> {
  const { passwords, credentials } = await credentialsFor(users)
  const published: Publish[] = []
  const clock = handClock(1_000_000)
  const metrics = createMetrics()
  const broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    districtId: 'jingan',
    credentials,
    accept: async publish => void published.push({ ...publish, payload: Buffer.from(publish.payload) }),
    clock,
    log: silentLog(),
    metrics,
    innerToken,
    ...options,
  })
  const clients: MqttClient[] = []
  const sockets: Socket[] = []
  const client = (user: string, more: IClientOptions = {}) => {
    const login = { username: user, password: passwords.get(user) ?? 'guess', clientId: user, reconnectPeriod: 0 }
    const made = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, { ...login, ...more })
    clients.push(made)
    return made
  }
  return {
    broker,
    clock,
    passwords,
    published,
    client,
    connected: (user, more) => whenConnected(client(user, more)),
    refusalOf(user, more) {
      const refused = client(user, more)
      return new Promise(resolve => {
        refused.once('error', error => resolve('code' in error ? error.code : error.message))
        refused.once('close', () => resolve('closed'))
        refused.once('connect', () => resolve('let in'))
      })
    },
    async line() {
      const socket = connectSocket(broker.port, '127.0.0.1')
      sockets.push(socket)
      await once(socket, 'connect')
      return lineOver(socket)
    },
    async metric(name) {
      const text = (await metrics.text()).split('\n').find(candidate => candidate.startsWith(name))
      return Number(text?.split(' ').at(-1) ?? 0)
    },
    async ask(path, body) {
      const response = await fetch(new URL(path, broker.url), {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${innerToken}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const answer: unknown = await response.json()
      return { status: response.status, answer }
    },
    async stop() {
      await Promise.all(clients.splice(0).map(one => one.endAsync(true)))
      for (const socket of sockets.splice(0)) socket.destroy()
      await broker.stop()
    },
  }
}

/** A credential and its password for each. */
export async function credentialsFor(users: Readonly<Record<string, Omit<Credential, 'passwordHash'>>>) {
  const passwords = new Map<string, string>()
  const credentials = new Map<string, Credential>()
  for (const [name, more] of Object.entries(users)) {
    const { password, credential } = await makeCredential(more.role)
    passwords.set(name, password)
    credentials.set(name, { ...credential, ...more })
  }
  return { passwords, credentials }
}

/** Resolves once the client is in, rejects when it is not let in. */
export function whenConnected(client: MqttClient): Promise<MqttClient> {
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client))
    client.once('error', reject)
    client.once('close', () => reject(new Error('closed')))
  })
}

/** The next message that comes, as text. */
export function nextMessage(from: MqttClient): Promise<readonly [topic: string, text: string]> {
  return new Promise(resolve => from.once('message', (topic, payload) => resolve([topic, String(payload)])))
}

/** Resolves once the connection is gone. */
export function whenClosed(client: MqttClient): Promise<void> {
  return new Promise(resolve => client.once('close', () => resolve()))
}

function lineOver(socket: Socket): Line {
  let received: Buffer = Buffer.alloc(0)
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
    received = Buffer.concat([received, bytes])
    wake()
  })
  return {
    socket,
    closed,
    send: (...bytes) => void socket.write(Buffer.concat(bytes)),
    receive: count =>
      new Promise(resolve => {
        wake = () => {
          if (received.length < count && !isClosed) return
          wake = () => {}
          const bytes = received.subarray(0, count)
          received = received.subarray(count)
          resolve(bytes)
        }
        wake()
      }),
  }
}
