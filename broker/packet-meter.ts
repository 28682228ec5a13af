/**
 * The gate in front of Aedes: every packet's length and form is judged on its way from the socket, and reading stops
 * while a client has more under way than it may. Aedes has no limit and buffers whatever a fixed header declares,
 * before login too: twenty strangers with 10 MB each were 200 MB.
 */
import type { Duplex } from 'node:stream'
import { type Breach, bodyBreach, firstByteBreach, judgedBytes, type PacketLimits, packetTypes } from './packet-laws.ts'

export interface MeterLimits extends PacketLimits {
  /** Whole packets, bytes. */
  readonly maxBytesBeforeLogin: number
  readonly maxBytesAfterLogin: number
}

export interface PacketMeter {
  /** The client has shown who it is: packets may be longer now. */
  admit(): void
  /** Nothing is read until `resume` was called as often. */
  pause(): void
  resume(): void
  /** Told of each PUBLISH that was read, with its whole length in bytes; from then on `pause` may be called. */
  onPublish: ((bytes: number) => void) | undefined
}

interface MeterOptions {
  readonly limits: MeterLimits
  /** A packet broke a rule: `answer` is to be sent before the connection is closed. */
  readonly onBreach: (breach: Breach, declaredBytes: number) => void
}

/** CONNACK, unacceptable protocol version (3.1.2-2). */
const refusedVersion = Buffer.from([0x20, 2, 0, 1])

/** Judges everything that is read from `socket`, and closes it at the first packet that breaks a rule. */
export function meterPackets(socket: Duplex, { limits, onBreach }: MeterOptions): PacketMeter {
  let maxBytes = limits.maxBytesBeforeLogin
  let pauses = 0
  const meter: PacketMeter = {
    admit: () => {
      maxBytes = limits.maxBytesAfterLogin
    },
    pause: () => {
      pauses++
    },
    resume() {
      pauses--
      // Aedes reads when it hears of something to read; what came meanwhile lies in the stream.
      if (pauses === 0 && !socket.destroyed) socket.emit('readable')
    },
    onPublish: undefined,
  }
  const reader = packetReader(limits, bytes => meter.onPublish?.(bytes))
  const read = socket.read.bind(socket)
  socket.read = (size?: number) => {
    if (pauses > 0) return null
    const chunk: unknown = read(size)
    if (!(chunk instanceof Uint8Array)) return chunk
    const found = reader.take(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength), maxBytes)
    if (found === undefined) return chunk
    onBreach(found.breach, found.declaredBytes)
    if (found.breach === 'unknown-protocol-version') socket.end(refusedVersion)
    else socket.destroy()
    return null
  }
  return meter
}

interface Found {
  readonly breach: Breach
  readonly declaredBytes: number
}

const nothing = Buffer.alloc(0)

/** The name of the protocol in MQTT 3.1; 3.1.1 has a shorter one. */
const oldName = 'MQIsdp'
const mayRepeat: ReadonlySet<number> = new Set([packetTypes.pubrel, packetTypes.subscribe, packetTypes.unsubscribe])
const repeatFlag = 0x08

/** MQTT 3.1 marks repeats of these too; 3.1.1 calls the same bit reserved, and so does the parser behind us. */
function withoutRepeatFlag(chunk: Buffer, at: number): number {
  const first = chunk[at] ?? 0
  if (mayRepeat.has(first >> 4)) chunk[at] = first & ~repeatFlag
  return chunk[at] ?? 0
}

/** Follows the packets in a stream of bytes, however it is cut, and judges each. */
export function packetReader(limits: PacketLimits, onPublish: (bytes: number) => void = () => {}) {
  /** Where in a packet the stream stands. */
  let stage: 'first-byte' | 'length' | 'head' | 'rest' = 'first-byte'
  let first = 0
  let length = 0
  let lengthBytes = 0
  /** Body bytes still to come. */
  let left = 0
  /** The body so far, until it can be judged: `headBytes` of `head`. */
  let head: Buffer = nothing
  let headBytes = 0
  let connected = false
  /** Speaks MQTT 3.1. */
  let isOldClient = false

  const found = (breach: Breach): Found => ({ breach, declaredBytes: length })
  const startOfBody = (): Breach | undefined => {
    lengthBytes = 0
    left = length
    head = nothing
    headBytes = 0
    stage = 'head'
    return firstByteBreach(first, length) ?? orderBreach()
  }
  const orderBreach = (): Breach | undefined => {
    const isConnect = first >> 4 === packetTypes.connect
    if (isConnect === connected) return connected ? 'second-connect' : 'first-packet-is-no-connect'
    connected = true
    return undefined
  }
  /** The body so far with what came now. Grows by doubling: a packet sent byte by byte must not be copied each time. */
  const withMore = (more: Buffer): Buffer => {
    const bytes = headBytes + more.length
    if (bytes > head.length) {
      const larger = Buffer.allocUnsafe(Math.max(bytes, 2 * head.length))
      head.copy(larger, 0, 0, headBytes)
      head = larger
    }
    more.copy(head, headBytes)
    return head.subarray(0, bytes)
  }
  /** Judges the packet if enough of it is in `chunk` from `at`; remembers what there is otherwise. */
  const judgeHead = (chunk: Buffer, at: number): Breach | undefined => {
    const available = chunk.subarray(at, at + left)
    const body = headBytes === 0 ? available : withMore(available)
    const wanted = judgedBytes(first, length, body)
    // Twice: the length of a topic is only known once its first two bytes are there.
    if (body.length < wanted || body.length < judgedBytes(first, length, body.subarray(0, wanted))) {
      if (headBytes === 0) withMore(available)
      headBytes += available.length
      left -= available.length
      return undefined
    }
    if (first >> 4 === packetTypes.publish) onPublish(length)
    if (first >> 4 === packetTypes.connect) isOldClient = body[1] === oldName.length
    stage = 'rest'
    return bodyBreach(first, body.subarray(0, wanted), limits)
  }
  return {
    /** The first breach in this chunk; undefined when all is well so far. */
    take(chunk: Buffer, maxBytes: number): Found | undefined {
      for (let at = 0; at < chunk.length; ) {
        if (stage === 'first-byte') {
          first = isOldClient ? withoutRepeatFlag(chunk, at) : (chunk[at] ?? 0)
          at++
          length = 0
          stage = 'length'
        } else if (stage === 'length') {
          const byte = chunk[at++] ?? 0
          // §2.2.3: seven bits a byte, lowest first, at most four bytes.
          length += (byte & 0x7f) * 128 ** lengthBytes++
          if (length > maxBytes) return found('packet-too-large')
          if ((byte & 0x80) === 0) {
            const breach = startOfBody()
            if (breach !== undefined) return found(breach)
          } else if (lengthBytes === 4) return found('malformed-length')
        } else if (stage === 'head') {
          const before = left
          const breach = judgeHead(chunk, at)
          if (breach !== undefined) return found(breach)
          if (stage === 'head') at += before - left
        }
        if (stage === 'rest' || (stage === 'head' && length === 0)) {
          const skipped = Math.min(left, chunk.length - at)
          left -= skipped
          at += skipped
          if (left === 0) stage = 'first-byte'
        }
      }
      return undefined
    },
  }
}
