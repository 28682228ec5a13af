/**
 * How long one MQTT packet may be. Aedes has no limit and buffers whatever a fixed header declares, before login
 * too: twenty strangers with 10 MB each were 200 MB. The meter reads fixed headers only (MQTT 3.1.1 §2.2).
 */
import type { Socket } from 'node:net'

export const limitBeforeLoginBytes = 4 * 1024
export const limitAfterLoginBytes = 256 * 1024

export interface PacketMeter {
  /** The client has shown who it is: packets may be longer now. */
  admit(): void
}

/** Meters everything that is read from `socket`; calls `onTooLarge` and closes it when a packet declares too much. */
export function meterPackets(
  socket: Socket,
  { onTooLarge }: { onTooLarge: (declaredBytes: number) => void },
): PacketMeter {
  let limit = limitBeforeLoginBytes
  const header = fixedHeaderReader()
  const read = socket.read.bind(socket)
  socket.read = (size?: number) => {
    const chunk: unknown = read(size)
    if (!(chunk instanceof Uint8Array)) return chunk
    const declared = header.longest(chunk, limit)
    if (declared === undefined) return chunk
    onTooLarge(declared)
    socket.destroy()
    return null
  }
  return {
    admit: () => {
      limit = limitAfterLoginBytes
    },
  }
}

/** Follows the packets in a stream of bytes. */
export function fixedHeaderReader() {
  /** Bytes of the current packet still to come; 0 at a packet's first byte. */
  let body = 0
  /** Bytes of the length field read so far; -1 when the packet's first byte is next. */
  let lengthBytes = -1
  let length = 0
  return {
    /** The declared length of a packet that is longer than `limit`; undefined when none in this chunk is. */
    longest(chunk: Uint8Array, limit: number): number | undefined {
      for (let at = 0; at < chunk.length; ) {
        if (body > 0) {
          const skipped = Math.min(body, chunk.length - at)
          body -= skipped
          at += skipped
          continue
        }
        const byte = chunk[at++] ?? 0
        if (lengthBytes < 0) {
          lengthBytes = 0
          length = 0
          continue
        }
        // §2.2.3: seven bits a byte, lowest first, at most four bytes; a fifth is the parser's to refuse.
        length += (byte & 0x7f) * 128 ** lengthBytes++
        if (length > limit) return length
        if ((byte & 0x80) !== 0) continue
        body = length
        lengthBytes = -1
      }
      return undefined
    },
  }
}
