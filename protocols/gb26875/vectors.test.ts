import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { checkOuterVectors } from '../vectors/outer-vectors.ts'
import { gb26875Decoder } from './decoder.ts'

checkVectors('gb26875', gb26875Decoder)
checkOuterVectors('gb26875', gb26875Decoder)

/** Sets length, sum and end mark to what the bytes are. */
function mended(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 30) return bytes
  const copy = Buffer.from(bytes)
  copy.set([0x40, 0x40])
  copy.writeUInt16LE(Math.min(1024, copy.length - 30), 24)
  copy[copy.length - 3] = copy.subarray(2, -3).reduce((sum, byte) => (sum + byte) & 0xff, 0)
  copy.set([0x23, 0x23], copy.length - 2)
  return copy
}

fuzzDecoder('gb26875', gb26875Decoder, vectorRows('gb26875').map(frameOf), { repair: mended })
