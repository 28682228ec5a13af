import { checkVectors } from '../vectors/check-vectors.ts'
import { hj212Decoder } from './decoder.ts'

checkVectors('hj212', hj212Decoder)
