import { fuzzDecoder } from '../fuzz.ts'
import { frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { sl651Decoder } from './decoder.ts'
import { readFrame, writeFrame } from './frame.ts'
import { repairSl651 } from './repair.ts'

const published = vectorRows('sl651').map(frameOf)

/** No frame in ASCII coding is published: the texts of the standard's own form. */
const inAscii = [
  '0003140612020000 ST 0012345678 H TT 1406120200 Z -0.345 PT 311.3 VT M ZT 00000401 ',
  '0003140612020000 ST 0012345678 Z TT 1406120200 DRN05 Z 1.00 M 1.02 VT 12.9 ',
  `0003140612020000 ST 0012345678 P TT 1406120200 DRP ${'05'.repeat(12)} `,
  '0003140612020000 RGZS Q 1.234',
].map(text => {
  const station = { center: 1, station: '0012345678', password: '1234', func: '32' } as const
  const body = Buffer.from(text)
  return { bytes: writeFrame({ coding: 'ascii', direction: 'up', ...station, start: 'STX', end: 'ETX', body }) }
})

fuzzDecoder('sl651', sl651Decoder, [...published, ...inAscii], { repair: repairSl651 })

fuzzDecoder(
  'sl651 bodies',
  sl651Decoder,
  published.filter(({ bytes }) => bytes !== undefined && isWhole(bytes)),
  {
    repair: bytes => {
      const read = readFrame(bytes)
      // A whole frame around whatever the text has become: length and checksum fit.
      const body = bytes.subarray(14, Math.max(14, bytes.length - 3))
      return read.kind === 'frame' ? bytes : aroundBody(body.subarray(0, 4000))
    },
  },
)

function isWhole(bytes: Uint8Array): boolean {
  return readFrame(bytes).kind === 'frame'
}

function aroundBody(body: Uint8Array): Uint8Array {
  const station = { center: 1, station: '0012345678', password: '1234', func: body.length % 2 === 0 ? '32' : '31' }
  return writeFrame({ coding: 'hex', direction: 'up', ...station, start: 'STX', end: 'ETX', body })
}
