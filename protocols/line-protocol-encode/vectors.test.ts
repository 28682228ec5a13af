import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { lineProtocolEncodeDecoder } from './decoder.ts'

checkVectors('line-protocol-encode', lineProtocolEncodeDecoder)

fuzzDecoder('line-protocol-encode', lineProtocolEncodeDecoder, vectorRows('line-protocol-encode').map(frameOf))
