import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { checkOuterVectors } from '../vectors/outer-vectors.ts'
import { jt808Decoder } from './decoder.ts'

checkVectors('jt808', jt808Decoder)
checkOuterVectors('jt808', jt808Decoder)

/** Sets the check byte of a message that has no escapes in it. */
function mended(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 4) return bytes
  const copy = Uint8Array.from(bytes)
  copy[0] = 0x7e
  copy[copy.length - 1] = 0x7e
  copy[copy.length - 2] = copy.subarray(1, -2).reduce((sum, byte) => sum ^ byte, 0)
  return copy
}

fuzzDecoder('jt808', jt808Decoder, vectorRows('jt808').map(frameOf), { repair: mended })
