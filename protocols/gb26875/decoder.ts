/**
 * GB/T 26875.3 behind the room's one interface: a whole frame, or the application data of one without its shell.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { readFireFrame } from './frame.ts'
import { readUnit } from './objects.ts'

export const gb26875Decoder: FrameDecoder = {
  protocol: 'gb26875',
  standard: 'GB/T 26875.3-2011',
  decode({ bytes = new Uint8Array() }: Frame): Decoded {
    // Application data begins with its type; 64 with 64 objects in it is longer than any frame may be.
    if (bytes[0] !== 0x40 || (bytes.length > 1 && bytes[1] !== 0x40)) return decodeUnit(bytes)
    const frame = readFireFrame(bytes)
    if ('fault' in frame) return refused(frame.error, frame.fault)
    const { data, ...head } = frame
    const record = { ...head, appLen: data.length }
    if (data.length === 0) return accepted(record)
    const unit = readUnit(data)
    if (unit === undefined) return refused('the objects are not as many or as long as they must be', 'quarantine')
    return accepted({ ...record, ...unit })
  },
}

function decodeUnit(bytes: Uint8Array): Decoded {
  const unit = readUnit(bytes)
  return unit === undefined ? refused('neither a frame nor the application data of one') : accepted(unit)
}
