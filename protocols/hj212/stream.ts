/** Packets of HJ 212 out of a stream. */
import { FrameStream } from '../frame-stream.ts'
import { type Hj212Packet, longestHj212Bytes, readHj212 } from './frame.ts'

/** Packets out of pieces of bytes. */
export function openHj212Stream(): FrameStream<Hj212Packet> {
  return new FrameStream({
    read(bytes) {
      const read = readHj212(bytes)
      return read.kind === 'packet' ? { kind: 'frame', frame: read.packet, next: read.next } : read
    },
    nextStart,
    longestBytes: longestHj212Bytes,
  })
}

const hash = 0x23

function nextStart(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(hash, from); at !== -1; at = bytes.indexOf(hash, at + 1)) {
    if (at + 1 === bytes.length || bytes[at + 1] === hash) return at
  }
  return -1
}
