/** SL 651-2014 for `forewarn decode` and the vectors. */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { hexOf } from '../hex.ts'
import { readFrame, type Sl651Frame } from './frame.ts'
import { readMessage, type Sl651Message } from './message.ts'
import { missingPackets, readPackets, strangerAmong } from './packets.ts'

export const sl651Decoder: FrameDecoder = {
  protocol: 'sl651',
  standard: 'SL 651-2014',
  decode({ bytes, parts, text }: Frame): Decoded {
    if (bytes !== undefined) return decodeBytes(bytes)
    // A frame in ASCII coding, marks and all.
    if (text !== undefined) return decodeBytes(Buffer.from(text, 'latin1'))
    if (parts !== undefined) return decodeParts(parts)
    return refused('a frame of SL 651 is bytes')
  },
}

const verdictOf = { incomplete: 'incomplete', broken: 'reject', contradiction: 'quarantine' } as const

function decodeBytes(bytes: Uint8Array): Decoded {
  const read = readFrame(bytes)
  if (read.kind !== 'frame') return refused(read.detail, verdictOf[read.kind])
  const decoded = decodeFrame(read.frame)
  if (!('message' in decoded) || read.next === bytes.length)
    return 'message' in decoded ? accepted(decoded.message) : decoded
  return withTrailing(bytes, read.next, decoded.message)
}

function decodeFrame(frame: Sl651Frame): { message: Sl651Message } | Decoded {
  const read = readMessage(frame)
  return 'detail' in read ? refused(read.detail, 'quarantine') : { message: read.message }
}

/** More bytes behind the checksum: frames that follow, then what is left of the line's noise. */
function withTrailing(bytes: Uint8Array, next: number, first: Sl651Message): Decoded {
  const messages = [first]
  let at = next
  for (let read = readFrame(bytes.subarray(at)); read.kind === 'frame'; read = readFrame(bytes.subarray(at))) {
    const decoded = decodeFrame(read.frame)
    if (!('message' in decoded)) return decoded
    messages.push(decoded.message)
    at += read.next
  }
  const frameHex = hexOf(bytes.subarray(0, next))
  return accepted({ frames: messages.length, frameHex, trailing: hexOf(bytes.subarray(at)) }, ...messages)
}

function decodeParts(parts: readonly Uint8Array[]): Decoded {
  const frames: Sl651Frame[] = []
  for (const [index, part] of parts.entries()) {
    const read = readFrame(part)
    if (read.kind !== 'frame') return refused(`packet ${index + 1}: ${read.detail}`, verdictOf[read.kind])
    frames.push(read.frame)
  }
  const stranger = strangerAmong(frames)
  if (stranger !== undefined) return refused(stranger)
  const missing = missingPackets(frames)
  if (missing.length > 0) return refused(`packets ${missing.join(', ')} are missing`, 'incomplete')
  const record = readPackets(frames)
  return 'detail' in record ? refused(record.detail, 'quarantine') : accepted(record)
}
