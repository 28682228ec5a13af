/** For tests: a real Aedes that remembers what it acknowledged, can be cut off and can come back on the same port. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { type ColumnsMessage, parseColumns } from '@forewarn/contracts/columns'
import { Birth, LocalAlarm, Status } from '@forewarn/contracts/gateway-messages'
import { parseSenml, type SenmlPack } from '@forewarn/contracts/senml'
import { type DownChannel, parseTopic, topicOf } from '@forewarn/contracts/topics'
import { Aedes } from 'aedes'
import { untilHolds } from './until-holds.ts'

export interface ReceivedPack extends SenmlPack {
  readonly gateway: string
  readonly text: string
  /** Bytes on the wire. */
  readonly bytes: number
}

/** All that arrived and was acknowledged, in order. */
interface Received {
  readonly packs: ReceivedPack[]
  readonly columns: ColumnsMessage[]
  readonly statuses: Status[]
  readonly births: Birth[]
  readonly alarms: LocalAlarm[]
  readonly topics: string[]
}

export interface TestBroker extends Received {
  readonly url: string
  /** Gateways that listen to their commands now. */
  readonly listeners: Set<string>
  /** Says something to a gateway. */
  say(gateway: string, channel: DownChannel, message: unknown, options?: { retain?: boolean }): Promise<void>
  /** Hold the PUBACK of everything until it resolves. */
  gate: Promise<void>
  /** Resolves once the condition holds; asked again after each message. */
  until(condition: () => boolean): Promise<void>
  /** Closes the port and every connection. */
  cut(): Promise<void>
  /** Listens again on the same port. */
  restore(): Promise<void>
  stop(): Promise<void>
}

export async function startTestBroker(): Promise<TestBroker> {
  const aedes = await Aedes.createBroker({ concurrency: 0 })
  const sockets = new Set<Socket>()
  const waiting = new Set<() => void>()
  const received: Received = { packs: [], columns: [], statuses: [], births: [], alarms: [], topics: [] }
  const listeners = new Set<string>()
  aedes.on('subscribe', (_subscriptions, client) => {
    listeners.add(client.id)
    for (const look of waiting) look()
  })
  aedes.on('clientDisconnect', client => listeners.delete(client.id))
  aedes.authorizePublish = (_client, packet, done) => {
    void broker.gate.then(() => {
      take(packet.topic, Buffer.from(packet.payload), received)
      done(null)
      for (const look of waiting) look()
    })
  }
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    aedes.handle(socket)
  })
  const listen = (port: number) => new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  const cut = async () => {
    const closed = new Promise(resolve => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  await listen(0)
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const broker: TestBroker = {
    url: `mqtt://127.0.0.1:${port}`,
    ...received,
    listeners,
    say: (gateway, channel, message, { retain = false } = {}) =>
      new Promise((resolve, reject) => {
        const topic = topicOf({ district: 'jingan', gateway, channel })
        const payload = typeof message === 'string' ? message : JSON.stringify(message)
        const packet = { cmd: 'publish' as const, topic, payload, qos: 1 as const, retain, dup: false }
        aedes.publish(packet, error => (error ? reject(error) : resolve()))
      }),
    gate: Promise.resolve(),
    until: condition => untilHolds(condition, waiting),
    cut,
    restore: () => listen(port),
    stop: async () => {
      if (server.listening) await cut()
      await new Promise<void>(resolve => aedes.close(() => resolve()))
    },
  }
  return broker
}

function take(topic: string, payload: Buffer, into: Received): void {
  const address = parseTopic(topic)
  into.topics.push(topic)
  const text = (address?.packing === 'zstd' ? zstdDecompressSync(payload) : payload).toString()
  const json = () => JSON.parse(text)
  switch (address?.channel) {
    case 'status':
      return void into.statuses.push(Status.parse(json()))
    case 'birth':
      return void into.births.push(Birth.parse(json()))
    case 'alarm':
      return void into.alarms.push(LocalAlarm.parse(json()))
    case 'columns': {
      const columns = parseColumns(text)
      if (typeof columns === 'string') throw new Error(`no columns: ${columns}`)
      return void into.columns.push(columns)
    }
    case 'readings': {
      const pack = parseSenml(Buffer.from(text), 0)
      if (pack === 'not-senml') throw new Error(`no SenML: ${text}`)
      into.packs.push({ ...pack, gateway: address.gateway, text, bytes: payload.length })
    }
  }
}

/** A folder that is gone when the test is over. */
export function temporaryFolder(): { path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'forewarn-edge-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
