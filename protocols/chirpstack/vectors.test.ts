import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { chirpstackDecoder } from './decoder.ts'

checkVectors('chirpstack', chirpstackDecoder)

fuzzDecoder('chirpstack', chirpstackDecoder, vectorRows('chirpstack').map(frameOf))
