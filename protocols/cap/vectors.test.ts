import { expect } from 'vitest'
import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, type VectorRow, vectorRows } from '../vectors/check-vectors.ts'
import { capDecoder } from './decoder.ts'

checkVectors('cap', capDecoder, holds)

/** The published rows name some fields of each alert, not all. */
function holds(record: unknown, row: VectorRow): void {
  expect(record).toMatchObject(Object(row.decoded))
}

fuzzDecoder('cap', capDecoder, vectorRows('cap').map(frameOf))
