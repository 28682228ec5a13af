/**
 * What one client is still to be sent with QoS 1 or 2, in order: a window of messages in flight, the rest waiting.
 * After a reconnect everything in flight goes out again, marked DUP (MQTT 3.1.1 §4.4). Aedes has no window, sends
 * repeats unmarked, and takes any acknowledgement for any message.
 */
import { publishBytes, pubrelBytes } from '../packet-bytes.ts'

export interface Outgoing {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 1 | 2
  readonly retain: boolean
  /** Called once the client has acknowledged it for good. */
  readonly onAcknowledged?: (() => void) | undefined
}

interface InFlight {
  readonly message: Outgoing
  /** `received`: the client has said PUBREC; it is told PUBREL until it says PUBCOMP. */
  stage: 'sent' | 'received'
}

export type Acknowledgement = 'puback' | 'pubrec' | 'pubcomp'

export interface QueueLimits {
  /** Messages sent and not yet acknowledged. */
  readonly maxInFlight: number
  /** Messages waiting behind those. */
  readonly maxQueued: number
  /** Bytes of both. */
  readonly maxQueuedBytes: number
}

/** Bytes that all queues together may hold. */
export interface SharedRoom {
  take(bytes: number): boolean
  giveBack(bytes: number): void
}

export interface DeliveryQueue {
  /** Queues a message and sends what the window allows. False when there is no room. */
  add(message: Outgoing): boolean
  /** The client is there: sends again what was in flight, then what waits. */
  attach(write: (bytes: Buffer) => void): void
  detach(): void
  /** False when this kind of acknowledgement cannot be meant for what is in flight under this number. */
  acknowledge(kind: Acknowledgement, packetId: number): boolean
  /** Forgets everything and gives its room back. */
  clear(): void
  readonly size: number
}

const highestPacketId = 65_535

/** A queue that sends nothing until it has a connection; what waits counts against `room` as well. */
export function deliveryQueue(limits: QueueLimits, room: SharedRoom): DeliveryQueue {
  const waiting: Outgoing[] = []
  const inFlight = new Map<number, InFlight>()
  let write: ((bytes: Buffer) => void) | undefined
  let bytes = 0
  const nextId = packetIds(inFlight)
  const sendWaiting = () => {
    while (write !== undefined && inFlight.size < limits.maxInFlight) {
      const message = waiting.shift()
      if (message === undefined) return
      const packetId = nextId()
      inFlight.set(packetId, { message, stage: 'sent' })
      write(publishBytes({ ...message, packetId, dup: false }))
    }
  }
  // Two turns later: a publisher has its own answer before it hears its own message.
  const sendSoon = onceTwoTurnsLater(sendWaiting)
  const settle = (packetId: number, { message }: InFlight) => {
    inFlight.delete(packetId)
    bytes -= sizeOf(message)
    room.giveBack(sizeOf(message))
    message.onAcknowledged?.()
    sendWaiting()
  }
  return {
    add(message) {
      const size = sizeOf(message)
      if (waiting.length >= limits.maxQueued || bytes + size > limits.maxQueuedBytes || !room.take(size)) return false
      bytes += size
      waiting.push(message)
      sendSoon()
      return true
    },
    attach(writeTo) {
      write = writeTo
      // A Map keeps the order of sending, and 4.6.0-1 asks for it again.
      for (const [packetId, { message, stage }] of inFlight)
        writeTo(stage === 'sent' ? publishBytes({ ...message, packetId, dup: true }) : pubrelBytes(packetId))
      sendWaiting()
    },
    detach() {
      write = undefined
    },
    acknowledge(kind, packetId) {
      const found = inFlight.get(packetId)
      // The repeat of one that is settled: the client did not know. A PUBREC is still owed its answer.
      if (found === undefined) {
        if (kind === 'pubrec') write?.(pubrelBytes(packetId))
        return true
      }
      if (kind === 'puback' ? found.message.qos !== 1 : found.message.qos !== 2) return false
      if (kind === 'pubcomp' && found.stage !== 'received') return false
      if (kind === 'pubrec') {
        found.stage = 'received'
        write?.(pubrelBytes(packetId))
      } else settle(packetId, found)
      return true
    },
    clear() {
      room.giveBack(bytes)
      bytes = 0
      waiting.length = 0
      inFlight.clear()
    },
    get size() {
      return waiting.length + inFlight.size
    },
  }
}

/** The next packet id that is not in use (2.3.1-2). */
function packetIds(inUse: ReadonlyMap<number, unknown>): () => number {
  let last = 0
  return () => {
    do last = (last % highestPacketId) + 1
    while (inUse.has(last))
    return last
  }
}

function onceTwoTurnsLater(deed: () => void): () => void {
  let isPlanned = false
  return () => {
    if (isPlanned) return
    isPlanned = true
    setImmediate(setImmediate, () => {
      isPlanned = false
      deed()
    })
  }
}

/** What a message costs while it is queued, roughly. */
function sizeOf({ topic, payload }: Outgoing): number {
  return payload.length + 2 * topic.length + 100
}

/** Room shared by all queues of a broker. */
export function sharedRoom(maxBytes: number): SharedRoom & { readonly usedBytes: number } {
  let used = 0
  return {
    take(bytes) {
      if (used + bytes > maxBytes) return false
      used += bytes
      return true
    },
    giveBack(bytes) {
      used -= bytes
    },
    get usedBytes() {
      return used
    },
  }
}
