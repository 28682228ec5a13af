/**
 * The gate in front of Aedes: every packet's length and form is judged on its way from the socket, and reading stops
 * while a client has more under way than it may. Aedes has no limit and buffers whatever a fixed header declares,
 * before login too: twenty strangers with 10 MB each were 200 MB.
 */
import type { Duplex } from 'node:stream'
import type { Breach, PacketLimits } from './packet-laws.ts'
import { PacketReader } from './packet-reader.ts'

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
  const reader = new PacketReader(limits, bytes => meter.onPublish?.(bytes))
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
