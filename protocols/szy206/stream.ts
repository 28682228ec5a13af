/** Frames of SZY 206-2016 out of a stream. */
import { FrameStream } from '../frame-stream.ts'
import { longestSzy206Bytes, readSzy206, type Szy206Frame } from './frame.ts'

/** Frames out of pieces of bytes. */
export function openSzy206Stream(): FrameStream<Szy206Frame> {
  return new FrameStream({
    read: readSzy206,
    nextStart: (bytes, from) => bytes.indexOf(0x68, from),
    longestBytes: longestSzy206Bytes,
  })
}
