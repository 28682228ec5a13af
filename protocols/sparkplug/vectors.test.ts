import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { sparkplugDecoder } from './decoder.ts'

checkVectors('sparkplug', sparkplugDecoder)

fuzzDecoder('sparkplug', sparkplugDecoder, vectorRows('sparkplug').map(frameOf))
