/** SDI-12 behind the room's one interface: a line of a sensor's answer. */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { readAnswer } from './answer.ts'

export const sdi12Decoder: FrameDecoder = {
  protocol: 'sdi12',
  standard: 'SDI-12 version 1.4',
  decode({ text, bytes = new Uint8Array() }: Frame): Decoded {
    const answer = readAnswer(text ?? Buffer.from(bytes).toString('latin1'))
    if ('fault' in answer) return refused(answer.error, answer.fault)
    const { address } = answer
    if (answer.kind === 'values') return accepted({ address, values: answer.values })
    const { kind: _, ...record } = answer
    return accepted(record)
  },
}
