/**
 * The load: many gateways that publish readings at a steady rate over real sockets, QoS 1, and time every PUBACK.
 * Packets are made by hand (MQTT 3.1.1 §3.1, §3.3) and mostly beforehand, so that the generator costs far less than
 * what it measures; it runs in a process of its own (`load-main.ts`). A gateway whose connection breaks comes back
 * and sends again what was not acknowledged (§4.4).
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { columnsPayloads, type MakePayload, senmlPayloads } from './load-payloads.ts'
import { connectPacket, publishPacket, retainedPacket, textField } from './mqtt-packets.ts'

export interface LoadGateway {
  readonly id: string
  readonly username: string
  readonly password: string
  /** `fw/1/<district>/<gateway>`; the channel is put behind it. */
  readonly topic: string
  /** SenML names of its sensors; a batch takes the next ones in turn. */
  readonly sensors: readonly string[]
}

export interface LoadPlan {
  readonly host: string
  readonly port: number
  readonly gateways: readonly LoadGateway[]
  readonly format: 'senml' | 'columns'
  readonly readingsPerBatch: number
  readonly readingsPerSecond: number
  readonly seconds: number
  /** How long the last acknowledgements are waited for, s; default 10. */
  readonly patienceS?: number
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
  /** Times that a connection broke and was made again. */
  readonly reconnects: number
}

const maxInFlightPerGateway = 100
const reconnectMs = 200
/** The number under which the birth message is sent: no batch has it. */
const birthPacketId = 65_535

interface Sent {
  readonly packet: Buffer
  readonly atMs: number
}

interface Link {
  readonly gateway: LoadGateway
  readonly topic: Buffer
  readonly payload: MakePayload
  socket: Socket
  isOpen: boolean
  readonly unacknowledged: Map<number, Sent>
  nextId: number
  rest: Buffer
}

interface Load {
  readonly plan: LoadPlan
  readonly latenciesMs: number[]
  reconnects: number
  isOver: boolean
}

async function open(load: Load, gateway: LoadGateway): Promise<Link> {
  const { format, readingsPerBatch } = load.plan
  const link: Link = {
    gateway,
    topic: textField(`${gateway.topic}/${format === 'senml' ? 'readings' : 'columns'}`),
    payload: (format === 'senml' ? senmlPayloads : columnsPayloads)(gateway.sensors, readingsPerBatch),
    socket: await enter(load, gateway),
    isOpen: true,
    unacknowledged: new Map(),
    nextId: 1,
    rest: Buffer.alloc(0),
  }
  if (format === 'columns') {
    const birth = JSON.stringify({ birth: 1, sensors: gateway.sensors })
    link.socket.write(retainedPacket(textField(`${gateway.topic}/birth`), birthPacketId, birth))
    await once(link.socket, 'data')
  }
  listen(load, link)
  return link
}

/** A connection on which the gateway is let in. */
async function enter({ plan }: Load, gateway: LoadGateway): Promise<Socket> {
  const socket = connect({ host: plan.host, port: plan.port, noDelay: true })
  await once(socket, 'connect')
  socket.write(connectPacket(gateway))
  const [connack] = await once(socket, 'data')
  if (!Buffer.isBuffer(connack) || connack[0] !== 0x20 || connack[3] !== 0)
    throw new Error(`${gateway.id} was refused at CONNECT with code ${Buffer.isBuffer(connack) ? connack[3] : '?'}`)
  return socket
}

function listen(load: Load, link: Link): void {
  link.socket.on('data', (chunk: Buffer) => takePubacks(link, chunk, load.latenciesMs))
  link.socket.on('error', () => {}) // 'close' follows
  link.socket.once('close', () => {
    link.isOpen = false
    if (!load.isOver) void comeBack(load, link)
  })
}

async function comeBack(load: Load, link: Link): Promise<void> {
  load.reconnects++
  while (!load.isOver && !link.isOpen) {
    await new Promise(resolve => setTimeout(resolve, reconnectMs))
    try {
      link.socket = await enter(load, link.gateway)
      link.isOpen = true
    } catch {
      // Not there yet: once more.
    }
  }
  if (load.isOver) return void link.socket.destroy()
  link.rest = Buffer.alloc(0)
  listen(load, link)
  for (const { packet } of link.unacknowledged.values()) {
    packet[0] = 0x3a
    link.socket.write(packet)
  }
}

/** Takes PUBACKs (four bytes each) out of what arrived, and notes how long each took. */
function takePubacks(link: Link, chunk: Buffer, latenciesMs: number[]): void {
  const bytes = link.rest.length > 0 ? Buffer.concat([link.rest, chunk]) : chunk
  const nowMs = performance.now()
  let at = 0
  for (; at + 4 <= bytes.length; at += 4) {
    const id = bytes.readUInt16BE(at + 2)
    const sent = link.unacknowledged.get(id)
    if (sent === undefined) continue
    link.unacknowledged.delete(id)
    latenciesMs.push(nowMs - sent.atMs)
  }
  link.rest = bytes.subarray(at)
}

function sendOne(link: Link): void {
  const id = link.nextId
  link.nextId = id === 60_000 ? 1 : id + 1
  const packet = publishPacket(link.topic, id, link.payload(Math.round(performance.timeOrigin + performance.now())))
  link.unacknowledged.set(id, { packet, atMs: performance.now() })
  link.socket.write(packet)
}

/**
 * Runs the plan: connects every gateway, tells `onOpen`, publishes, and waits for the last acknowledgements.
 * Throws when a gateway is refused at first.
 */
export async function runLoad(plan: LoadPlan, onOpen: () => void = () => {}): Promise<LoadResult> {
  const load: Load = { plan, latenciesMs: [], reconnects: 0, isOver: false }
  const links: Link[] = []
  for (let at = 0; at < plan.gateways.length; at += 100)
    links.push(...(await Promise.all(plan.gateways.slice(at, at + 100).map(gateway => open(load, gateway)))))
  onOpen()
  const paced = await pace(plan, links)
  const giveUpMs = performance.now() + (plan.patienceS ?? 10) * 1000
  const waiting = () => links.some(({ unacknowledged }) => unacknowledged.size > 0)
  while (waiting() && performance.now() < giveUpMs) await new Promise(resolve => setTimeout(resolve, 5))
  load.isOver = true
  for (const link of links) link.socket.destroy()
  return resultOf(load, paced)
}

function resultOf({ plan, latenciesMs, reconnects }: Load, paced: Awaited<ReturnType<typeof pace>>): LoadResult {
  const sorted = Float64Array.from(latenciesMs).sort()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return {
    sentReadings: paced.batches * plan.readingsPerBatch,
    acknowledgedReadings: sorted.length * plan.readingsPerBatch,
    seconds: paced.seconds,
    pubackP50Ms: at(0.5),
    pubackP99Ms: at(0.99),
    pubackMaxMs: at(1),
    heldBack: paced.heldBack,
    reconnects,
  }
}

async function pace(plan: LoadPlan, links: readonly Link[]) {
  const perMs = plan.readingsPerSecond / plan.readingsPerBatch / 1000
  const startMs = performance.now()
  const endMs = startMs + plan.seconds * 1000
  let wanted = 0
  let batches = 0
  let heldBack = 0
  for (let nowMs = startMs; nowMs < endMs; nowMs = performance.now()) {
    const due = Math.floor((nowMs - startMs) * perMs)
    for (; wanted < due; wanted++) {
      const link = links[wanted % links.length]
      if (link === undefined) continue
      if (!link.isOpen || link.unacknowledged.size >= maxInFlightPerGateway) heldBack++
      else {
        sendOne(link)
        batches++
      }
    }
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  return { batches, heldBack, seconds: (performance.now() - startMs) / 1000 }
}
