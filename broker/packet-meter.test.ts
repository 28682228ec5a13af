import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fixedHeaderReader } from './packet-meter.ts'

function packet(bodyBytes: number): Buffer {
  const length: number[] = []
  let rest = bodyBytes
  do {
    const seven = rest % 128
    rest = Math.floor(rest / 128)
    length.push(rest > 0 ? seven | 0x80 : seven)
  } while (rest > 0)
  return Buffer.concat([Buffer.from([0x30, ...length]), Buffer.alloc(bodyBytes, 0xff)])
}

test('packets within the limit pass, however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 300 }), { maxLength: 10 }), fc.integer({ min: 1, max: 50 }), (sizes, cut) => {
      const stream = Buffer.concat(sizes.map(packet))
      const reader = fixedHeaderReader()
      for (let at = 0; at < stream.length; at += cut)
        expect(reader.longest(stream.subarray(at, at + cut), 300)).toBeUndefined()
    }),
  )
})

test('a packet beyond the limit is seen at its header, before its body', () => {
  const reader = fixedHeaderReader()
  expect(reader.longest(packet(10), 100)).toBeUndefined()
  expect(reader.longest(packet(101).subarray(0, 2), 100)).toBe(101)
})
