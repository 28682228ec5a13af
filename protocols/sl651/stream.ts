/** Frames of SL 651-2014 out of a stream. */
import { FrameStream } from '../frame-stream.ts'
import { longestFrameBytes, readFrame, type Sl651Frame } from './frame.ts'

/** Frames of either coding out of pieces of bytes. */
export function openSl651Stream(): FrameStream<Sl651Frame> {
  return new FrameStream({ read: readFrame, nextStart, longestBytes: longestFrameBytes })
}

/** 7E 7E or SOH; a single 7E at the end may become the first of two. */
function nextStart(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    const doubled = at + 1 === bytes.length || bytes[at + 1] === 0x7e
    if (bytes[at] === 0x01 || (bytes[at] === 0x7e && doubled)) return at
  }
  return -1
}
