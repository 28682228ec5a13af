import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { zigbee2mqttDecoder } from './decoder.ts'

checkVectors('zigbee2mqtt', zigbee2mqttDecoder)

fuzzDecoder('zigbee2mqtt', zigbee2mqttDecoder, vectorRows('zigbee2mqtt').map(frameOf))
