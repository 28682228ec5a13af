/** For tests: a real Aedes that remembers what it acknowledged, can be cut off and can come back on the same port. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseSenml, type SenmlPack } from '@forewarn/contracts/senml'
import { parseTopic } from '@forewarn/contracts/topics'
import { Aedes } from 'aedes'

export interface ReceivedPack extends SenmlPack {
  readonly gateway: string
  readonly text: string
}

export interface TestBroker {
  readonly url: string
  readonly packs: ReceivedPack[]
  readonly statuses: string[]
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
  const packs: ReceivedPack[] = []
  const statuses: string[] = []
  aedes.authorizePublish = (_client, packet, done) => {
    void broker.gate.then(() => {
      take(packet.topic, Buffer.from(packet.payload), { packs, statuses })
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
    packs,
    statuses,
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

function take(topic: string, payload: Buffer, into: { packs: ReceivedPack[]; statuses: string[] }): void {
  const address = parseTopic(topic)
  if (address?.channel === 'status') into.statuses.push(payload.toString())
  if (address?.channel !== 'readings') return
  const pack = parseSenml(payload, 0)
  if (pack === 'not-senml') throw new Error(`no SenML: ${payload}`)
  into.packs.push({ ...pack, gateway: address.gateway, text: payload.toString() })
}

function untilHolds(condition: () => boolean, waiting: Set<() => void>): Promise<void> {
  return new Promise(resolve => {
    const look = () => {
      if (!condition()) return
      waiting.delete(look)
      resolve()
    }
    waiting.add(look)
    look()
  })
}

/** A folder that is gone when the test is over. */
export function temporaryFolder(): { path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'forewarn-edge-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
