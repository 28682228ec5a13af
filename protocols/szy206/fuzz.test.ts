import { fuzzDecoder } from '../fuzz.ts'
import { frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { szy206Decoder } from './decoder.ts'
import { crc8 } from './frame.ts'

fuzzDecoder('szy206', szy206Decoder, vectorRows('szy206').map(frameOf), {
  repair: bytes => {
    if (bytes.length < 5) return bytes
    const user = bytes.subarray(3, bytes.length - 2)
    return Uint8Array.of(0x68, user.length & 0xff, 0x68, ...user, crc8(user), 0x16)
  },
})
