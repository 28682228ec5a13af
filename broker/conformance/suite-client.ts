/**
 * A client of MQTT 3.1.1 as interoperability suites use one: it can stop answering messages while it goes on sending
 * its own, send what a client must not send, and leave without a word.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { field, packetId, packetOf, ping, publishPacket } from '../attack-fixture.ts'

export interface Arrival {
  readonly topic: string
  readonly text: string
  readonly qos: number
  readonly retain: boolean
  readonly dup: boolean
}

export interface Visit {
  readonly clientId: string
  /** Default: true. */
  readonly clean?: boolean
  /** Default: 0, which is none. */
  readonly keepAliveS?: number
  readonly protocol?: string
  /** QoS 2, not retained. */
  readonly will?: { readonly topic: string; readonly text: string }
}

export interface SuiteClient {
  /** Session present and return code; empty when the connection was closed instead. */
  readonly connack: readonly number[]
  /** What came so far; a message of QoS 2 once it is released, as only then it counts. */
  readonly arrivals: readonly Arrival[]
  readonly closed: Promise<void>
  /** Resolves once so many have come. */
  hears(count: number): Promise<readonly Arrival[]>
  /** What the broker granted for each filter. */
  subscribe(filters: Readonly<Record<string, number>>): Promise<readonly number[]>
  unsubscribe(filter: string): Promise<void>
  /** Resolves once the broker has taken it: PUBACK or PUBCOMP. */
  publish(topic: string, text: string, options?: { readonly qos?: number; readonly retain?: boolean }): Promise<void>
  /** Messages that come are read and not answered from now on. */
  pause(): void
  /** A PINGREQ and its answer, and then all of QoS 2 released: what the broker sent before is here. */
  settle(): Promise<void>
  send(...bytes: readonly Buffer[]): void
  disconnect(): Promise<void>
  /** Without DISCONNECT. */
  cut(): void
}

interface Packet {
  readonly first: number
  readonly body: Buffer
}

const types = { connack: 2, publish: 3, puback: 4, pubrec: 5, pubrel: 6, pubcomp: 7, suback: 9, unsuback: 11, pong: 13 }

export function connectPacket({ clientId, clean = true, keepAliveS = 0, protocol = 'MQTT', will }: Visit): Buffer {
  const flags = (clean ? 2 : 0) | (will === undefined ? 0 : 0x14)
  const willFields = will === undefined ? [] : [field(will.topic), field(will.text)]
  const head = Buffer.from([4, flags, keepAliveS >> 8, keepAliveS & 0xff])
  return packetOf(0x10, field(protocol), head, field(clientId), ...willFields)
}

/** What comes, answered as a client should unless it is paused. */
function openInbox(send: (...bytes: readonly Buffer[]) => void) {
  const arrivals: Arrival[] = []
  const unreleased = new Map<number, Arrival>()
  let isPaused = false
  const take = ({ first, body }: Packet) => {
    const { arrival, id } = readPublish(first, body)
    if (arrival.qos === 2) unreleased.set(id, arrival)
    else arrivals.push(arrival)
    if (arrival.qos > 0) send(packetOf(arrival.qos === 1 ? 0x40 : 0x50, packetId(id)))
  }
  const release = ({ body }: Packet) => {
    const arrival = unreleased.get(body.readUInt16BE(0))
    unreleased.delete(body.readUInt16BE(0))
    if (arrival !== undefined) arrivals.push(arrival)
    send(packetOf(0x70, body))
  }
  return {
    arrivals,
    unreleased,
    pause() {
      isPaused = true
    },
    answer(packet: Packet): void {
      const type = packet.first >> 4
      if (type === types.publish && !isPaused) take(packet)
      if (type === types.pubrec) send(packetOf(0x62, packet.body))
      if (type === types.pubrel) release(packet)
    },
  }
}

/** A PUBLISH (§3.3); its packet id is 0 with QoS 0. */
function readPublish(first: number, body: Buffer): { arrival: Arrival; id: number } {
  const qos = (first >> 1) & 3
  const afterTopic = 2 + body.readUInt16BE(0)
  const topic = body.subarray(2, afterTopic).toString()
  const text = body.subarray(afterTopic + (qos > 0 ? 2 : 0)).toString()
  const arrival = { topic, text, qos, retain: (first & 1) !== 0, dup: (first & 8) !== 0 }
  return { arrival, id: qos > 0 ? body.readUInt16BE(afterTopic) : 0 }
}

/** Connects to a broker on this machine; resolves with what it answered. */
export async function visit(port: number, wish: Visit): Promise<SuiteClient> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const inbox = openInbox((...bytes) => line.send(...bytes))
  const line = openLine(socket, inbox.answer)
  const { arrivals, unreleased } = inbox
  let lastId = 1

  /** Sends it under a new packet id, and resolves with what the answer to that id says. */
  async function ask(type: number, bytesFor: (id: number) => Buffer): Promise<Buffer> {
    const id = ++lastId
    line.send(bytesFor(id))
    return (await line.next(packet => packet.first >> 4 === type && packet.body.readUInt16BE(0) === id)).body
  }

  line.send(connectPacket(wish))
  const connack = await line.next(({ first }) => first >> 4 === types.connack).catch(() => undefined)
  return {
    connack: [...(connack?.body ?? [])],
    arrivals,
    closed: line.closed,
    async hears(count) {
      await line.until(() => arrivals.length >= count)
      return arrivals
    },
    async subscribe(filters) {
      const wishes = Object.entries(filters).flatMap(([filter, qos]) => [field(filter), Buffer.from([qos])])
      return [...(await ask(types.suback, id => packetOf(0x82, packetId(id), ...wishes))).subarray(2)]
    },
    async unsubscribe(filter) {
      await ask(types.unsuback, id => packetOf(0xa2, packetId(id), field(filter)))
    },
    async publish(topic, text, { qos = 0, retain = false } = {}) {
      const bytesFor = (id: number) => publishPacket(topic, Buffer.from(text), { qos, id, retain })
      if (qos === 0) line.send(bytesFor(0))
      else await ask(qos === 1 ? types.puback : types.pubcomp, bytesFor)
    },
    pause: inbox.pause,
    async settle() {
      line.send(ping)
      await line.next(({ first }) => first >> 4 === types.pong)
      await line.until(() => unreleased.size === 0)
    },
    send: line.send,
    async disconnect() {
      line.send(packetOf(0xe0))
      await line.closed
    },
    cut: () => void socket.destroy(),
  }
}

/** Packets of one connection, given to `answer` in order; whoever waits is asked after each. */
function openLine(socket: Socket, answer: (packet: Packet) => void) {
  const waiting = new Set<(packet: Packet | undefined) => void>()
  let rest: Buffer = Buffer.alloc(0)
  let isClosed = false
  const tell = (packet: Packet | undefined) => {
    for (const wake of [...waiting]) wake(packet)
  }
  // A reset is one way of being closed, and 'close' follows.
  socket.on('error', () => {})
  socket.on('data', bytes => {
    rest = Buffer.concat([rest, bytes])
    for (let end = endOfFirst(rest); end !== undefined; end = endOfFirst(rest)) {
      const packet = { first: rest[0] ?? 0, body: rest.subarray(end.body, end.packet) }
      rest = rest.subarray(end.packet)
      answer(packet)
      tell(packet)
    }
  })
  const closed = once(socket, 'close').then(() => {
    isClosed = true
    tell(undefined)
  })
  /** Rejects when the connection is closed before. */
  const waitFor = (isIt: (packet: Packet | undefined) => boolean) =>
    new Promise<Packet | undefined>((resolve, reject) => {
      const wake = (packet: Packet | undefined) => {
        if (isIt(packet)) resolve(packet)
        else if (isClosed) reject(new Error('the connection was closed'))
        else return
        waiting.delete(wake)
      }
      waiting.add(wake)
      wake(undefined)
    })
  return {
    closed,
    send: (...bytes: readonly Buffer[]) => void socket.write(Buffer.concat(bytes)),
    until: waitFor,
    async next(isIt: (packet: Packet) => boolean): Promise<Packet> {
      const found = await waitFor(packet => packet !== undefined && isIt(packet))
      if (found === undefined) throw new Error('waited for no packet')
      return found
    },
  }
}

/** Where the body of the first packet begins and ends; undefined until all of it is there (§2.2.3). */
function endOfFirst(bytes: Buffer): { body: number; packet: number } | undefined {
  let length = 0
  for (let at = 1; at < Math.min(bytes.length, 5); at++) {
    const digit = bytes[at] ?? 0
    length += (digit & 127) * 128 ** (at - 1)
    if (digit < 128) return bytes.length >= at + 1 + length ? { body: at + 1, packet: at + 1 + length } : undefined
  }
  return undefined
}
