import { checkVectors } from '../vectors/check-vectors.ts'
import { szy206Decoder } from './decoder.ts'

checkVectors('szy206', szy206Decoder)
