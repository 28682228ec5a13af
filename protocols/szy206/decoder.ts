/** SZY 206-2016 for `forewarn decode` and the vectors. */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { hexOf } from '../hex.ts'
import { readSzy206, szy206Record } from './frame.ts'

export const szy206Decoder: FrameDecoder = {
  protocol: 'szy206',
  standard: 'SZY 206-2016',
  decode({ bytes }: Frame): Decoded {
    if (bytes === undefined) return refused('a frame of SZY 206 is bytes')
    const read = readSzy206(bytes)
    if (read.kind !== 'frame') return refused(read.detail, verdictOf[read.kind])
    const record = szy206Record(read.frame)
    return read.next === bytes.length ? accepted(record) : withTrailing(bytes, read.next, record)
  },
}

const verdictOf = { incomplete: 'incomplete', broken: 'reject', contradiction: 'quarantine' } as const

function withTrailing(bytes: Uint8Array, next: number, first: unknown): Decoded {
  const records = [first]
  let at = next
  for (let read = readSzy206(bytes.subarray(at)); read.kind === 'frame'; read = readSzy206(bytes.subarray(at))) {
    records.push(szy206Record(read.frame))
    at += read.next
  }
  const frameHex = hexOf(bytes.subarray(0, next))
  return accepted({ frames: records.length, frameHex, trailing: hexOf(bytes.subarray(at)) }, ...records)
}
