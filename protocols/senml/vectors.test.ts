import { expect } from 'vitest'
import { z } from 'zod'
import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, type VectorRow, vectorRows } from '../vectors/check-vectors.ts'
import { senmlDecoder } from './decoder.ts'

const Resolved = z.object({ resolved: z.array(z.record(z.string(), z.unknown())) })

checkVectors('senml', senmlDecoder, sameRecords)

/** Where the pack gives no time, the published one is the second in which its authors ran their tool. */
function sameRecords(record: unknown, row: VectorRow): void {
  const ours = Resolved.parse(record).resolved
  const theirs = Resolved.parse(row.decoded).resolved
  const timed = ours.every(({ t }) => t !== undefined)
  expect(ours).toEqual(timed ? theirs : theirs.map(({ t: _, ...rest }) => rest))
}

fuzzDecoder('senml', senmlDecoder, vectorRows('senml').map(frameOf))
