import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { lineProtocolDecodeDecoder } from './decoder.ts'

checkVectors('line-protocol-decode', lineProtocolDecodeDecoder)

fuzzDecoder('line-protocol-decode', lineProtocolDecodeDecoder, vectorRows('line-protocol-decode').map(frameOf))
