import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { lorawanPayloadDecoder } from './decoder.ts'

checkVectors('lorawan-payload', lorawanPayloadDecoder)

fuzzDecoder('lorawan-payload', lorawanPayloadDecoder, vectorRows('lorawan-payload').map(frameOf))
