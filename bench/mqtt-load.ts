/**
 * The load: many gateways that publish SenML batches at a steady rate over real sockets, QoS 1, and time every
 * PUBACK. Packets are made by hand (MQTT 3.1.1 §3.1, §3.3), so that the generator costs far less than what it
 * measures; it runs in a process of its own (`load-main.ts`).
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface LoadGateway {
  readonly id: string
  readonly username: string
  readonly password: string
  readonly topic: string
  /** SenML names of its sensors; a batch takes the next ones in turn. */
  readonly sensors: readonly string[]
}

export interface LoadPlan {
  readonly host: string
  readonly port: number
  readonly gateways: readonly LoadGateway[]
  readonly readingsPerBatch: number
  readonly readingsPerSecond: number
  readonly seconds: number
}

export interface LoadResult {
  readonly sentReadings: number
  readonly acknowledgedReadings: number
  readonly seconds: number
  readonly pubackP50Ms: number
  readonly pubackP99Ms: number
  readonly pubackMaxMs: number
  /** Batches that the plan wanted and the window of unacknowledged ones did not allow. */
  readonly heldBack: number
}

const maxInFlightPerGateway = 100

interface Link {
  readonly gateway: LoadGateway
  readonly socket: Socket
  readonly sentAtMs: Map<number, number>
  nextId: number
  nextSensor: number
  rest: Buffer
}

function textField(text: string): Buffer {
  const bytes = Buffer.from(text)
  const head = Buffer.alloc(2)
  head.writeUInt16BE(bytes.length)
  return Buffer.concat([head, bytes])
}

function remainingLength(length: number): Buffer {
  const bytes: number[] = []
  let left = length
  do {
    const digit = left % 128
    left = Math.floor(left / 128)
    bytes.push(left > 0 ? digit | 0x80 : digit)
  } while (left > 0)
  return Buffer.from(bytes)
}

function connectPacket({ id, username, password }: LoadGateway): Buffer {
  const withLogin = username !== ''
  const body = Buffer.concat([
    textField('MQTT'),
    Buffer.from([4, withLogin ? 0xc2 : 0x02, 0, 0]),
    textField(id),
    ...(withLogin ? [textField(username), textField(password)] : []),
  ])
  return Buffer.concat([Buffer.from([0x10]), remainingLength(body.length), body])
}

function publishPacket(topic: Buffer, id: number, payload: string): Buffer {
  const bytes = Buffer.from(payload)
  const head = Buffer.concat([Buffer.from([0x32]), remainingLength(topic.length + 2 + bytes.length), topic])
  const packet = Buffer.allocUnsafe(head.length + 2 + bytes.length)
  head.copy(packet)
  packet.writeUInt16BE(id, head.length)
  bytes.copy(packet, head.length + 2)
  return packet
}

function senmlOf(link: Link, { count, atMs }: { count: number; atMs: number }): string {
  const records: string[] = []
  const { sensors } = link.gateway
  for (let i = 0; i < count; i++) {
    const name = sensors[link.nextSensor % sensors.length]
    link.nextSensor++
    // A second pass over the same sensors within one batch needs a time of its own, or it is the same reading.
    const later = Math.floor(i / sensors.length)
    const value = ((link.nextSensor * 7919) % 1000) / 10_000
    const time = i === 0 ? `"bt":${(atMs / 1000).toFixed(3)},` : later > 0 ? `"t":${(later / 1000).toFixed(3)},` : ''
    records.push(`{${time}"n":"${name}","v":${value}}`)
  }
  return `[${records.join(',')}]`
}

async function open(plan: LoadPlan, gateway: LoadGateway): Promise<Link> {
  const socket = connect({ host: plan.host, port: plan.port, noDelay: true })
  await once(socket, 'connect')
  socket.write(connectPacket(gateway))
  const [connack] = await once(socket, 'data')
  if (!Buffer.isBuffer(connack) || connack[0] !== 0x20 || connack[3] !== 0)
    throw new Error(`${gateway.id} was refused at CONNECT with code ${Buffer.isBuffer(connack) ? connack[3] : '?'}`)
  return { gateway, socket, sentAtMs: new Map(), nextId: 1, nextSensor: 0, rest: Buffer.alloc(0) }
}

/** Takes PUBACKs (four bytes each) out of what arrived; tells how long each took. */
function takePubacks(link: Link, chunk: Buffer, took: (ms: number) => void): void {
  const bytes = link.rest.length > 0 ? Buffer.concat([link.rest, chunk]) : chunk
  let at = 0
  for (; at + 4 <= bytes.length; at += 4) {
    const id = bytes.readUInt16BE(at + 2)
    const sentAtMs = link.sentAtMs.get(id)
    if (sentAtMs === undefined) continue
    link.sentAtMs.delete(id)
    took(performance.now() - sentAtMs)
  }
  link.rest = bytes.subarray(at)
}

function sendOne(link: Link, topic: Buffer, count: number): void {
  const id = link.nextId
  link.nextId = id === 65_535 ? 1 : id + 1
  const packet = publishPacket(topic, id, senmlOf(link, { count, atMs: performance.timeOrigin + performance.now() }))
  link.sentAtMs.set(id, performance.now())
  link.socket.write(packet)
}

/**
 * Runs the plan: connects every gateway, tells `onOpen`, publishes, and waits up to 10 s for the last acknowledgements.
 * Throws when a gateway is refused.
 */
export async function runLoad(plan: LoadPlan, onOpen: () => void = () => {}): Promise<LoadResult> {
  const links: Link[] = []
  for (let at = 0; at < plan.gateways.length; at += 100) {
    links.push(...(await Promise.all(plan.gateways.slice(at, at + 100).map(gateway => open(plan, gateway)))))
  }
  onOpen()
  const latenciesMs: number[] = []
  for (const link of links)
    link.socket.on('data', (chunk: Buffer) => takePubacks(link, chunk, ms => latenciesMs.push(ms)))
  const paced = await pace(plan, links)
  const giveUpMs = performance.now() + 10_000
  while (latenciesMs.length < paced.batches && performance.now() < giveUpMs) await new Promise(r => setTimeout(r, 5))
  for (const link of links) link.socket.destroy()
  latenciesMs.sort((a, b) => a - b)
  const at = (share: number) =>
    latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ?? Number.NaN
  return {
    sentReadings: paced.batches * plan.readingsPerBatch,
    acknowledgedReadings: latenciesMs.length * plan.readingsPerBatch,
    seconds: paced.seconds,
    pubackP50Ms: at(0.5),
    pubackP99Ms: at(0.99),
    pubackMaxMs: at(1),
    heldBack: paced.heldBack,
  }
}

async function pace(plan: LoadPlan, links: readonly Link[]) {
  const topics = links.map(link => textField(link.gateway.topic))
  const perMs = plan.readingsPerSecond / plan.readingsPerBatch / 1000
  const startMs = performance.now()
  const endMs = startMs + plan.seconds * 1000
  let wanted = 0
  let batches = 0
  let heldBack = 0
  let next = 0
  for (let nowMs = startMs; nowMs < endMs; nowMs = performance.now()) {
    const due = Math.floor((nowMs - startMs) * perMs)
    for (; wanted < due; wanted++) {
      const index = next++ % links.length
      const link = links[index]
      const topic = topics[index]
      if (link === undefined || topic === undefined) continue
      if (link.sentAtMs.size >= maxInFlightPerGateway) heldBack++
      else {
        sendOne(link, topic, plan.readingsPerBatch)
        batches++
      }
    }
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  return { batches, heldBack, seconds: (performance.now() - startMs) / 1000 }
}
