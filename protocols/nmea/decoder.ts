/** NMEA 0183 behind the room's one interface: one sentence. */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { recordOf } from './records.ts'
import { readSentence } from './sentence.ts'

export const nmeaDecoder: FrameDecoder = {
  protocol: 'nmea',
  standard: 'NMEA 0183',
  decode({ text, bytes = new Uint8Array() }: Frame): Decoded {
    const sentence = readSentence(text ?? Buffer.from(bytes).toString('latin1'))
    return 'fault' in sentence ? refused(sentence.error, sentence.fault) : accepted(recordOf(sentence))
  },
}
