import { fuzzDecoder } from '../fuzz.ts'
import { frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { hj212Decoder } from './decoder.ts'
import { hj212Sum } from './frame.ts'

const published = vectorRows('hj212').map(frameOf)
const asBytes = published.map(({ text = '' }) => ({ bytes: Buffer.from(text) }))
const inParts = [{ parts: asBytes.slice(0, 4).map(({ bytes }) => bytes) }]

fuzzDecoder('hj212', hj212Decoder, [...published, ...asBytes, ...inParts], {
  repair: bytes => {
    const data = bytes.subarray(6, Math.max(6, bytes.length - 4))
    const length = String(data.length % 10_000).padStart(4, '0')
    return Buffer.concat([Buffer.from(`##${length}`), data, Buffer.from(hj212Sum(data, 'annex-a'))])
  },
})
