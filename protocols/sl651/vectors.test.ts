import { checkVectors } from '../vectors/check-vectors.ts'
import { sl651Decoder } from './decoder.ts'

checkVectors('sl651', sl651Decoder)
