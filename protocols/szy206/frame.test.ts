import fc from 'fast-check'
import { expect, test } from 'vitest'
import { szy206Decoder } from './decoder.ts'
import { crc8, readSzy206, writeSzy206 } from './frame.ts'

const address = Uint8Array.of(0x53, 0x03, 0x81, 0x0d, 0x00)

test('what is written is read again, split or not', () => {
  const data = fc.uint8Array({ maxLength: 240 })
  const fields = fc.record({
    control: fc.nat({ max: 255 }),
    afn: fc.nat({ max: 255 }),
    left: fc.nat({ max: 255 }),
    data,
  })
  fc.assert(
    fc.property(fields, ({ control, afn, left, data: sent }) => {
      const split = (control & 0x40) !== 0
      const bytes = writeSzy206({ control, address, afn, data: sent, packetsLeft: left })
      expect(readSzy206(bytes)).toEqual({
        kind: 'frame',
        next: bytes.length,
        frame: {
          length: 7 + (split ? 1 : 0) + sent.length,
          control,
          direction: control >= 128 ? 'up' : 'down',
          ...(split ? { packetsLeft: left } : {}),
          kind: control & 15,
          address,
          afn,
          data: sent,
        },
      })
    }),
  )
})

test('the checksum is the published one', () => {
  expect(crc8(Uint8Array.of(0, 1, 2))).toBe(0xa6)
})

test('every shorter part of a frame waits for more', () => {
  const whole = writeSzy206({ control: 0xb3, address, afn: 0xc0, data: new Uint8Array(19) })
  for (let length = 0; length < whole.length; length++) {
    expect(szy206Decoder.decode({ bytes: whole.subarray(0, length) }).expect).toBe('incomplete')
  }
})

test.each([
  ['another lead', 0, 0x69, 'reject'],
  ['another second lead', 2, 0x69, 'reject'],
  ['a length too short for an address', 1, 6, 'reject'],
  ['another byte of data', 12, 0x77, 'reject'],
  ['another end', 27, 0x17, 'reject'],
  ['a length that says less', 1, 20, 'quarantine'],
  ['a length that says more', 1, 40, 'quarantine'],
])('%s', (_, at, value, verdict) => {
  const bytes = writeSzy206({ control: 0xb3, address, afn: 0xc0, data: new Uint8Array(16) })
  bytes[at] = value
  expect(szy206Decoder.decode({ bytes }).expect).toBe(verdict)
})
