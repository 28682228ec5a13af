import fc from 'fast-check'
import { expect, test } from 'vitest'
import { elementFacts, elementsById } from './elements.ts'
import { readElements } from './elements-of-body.ts'
import { readTextElements } from './elements-of-text.ts'
import { type EndMark, endMarks, readFrame, writeFrame } from './frame.ts'

const hexDigits = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789ABCDEF'.split('')), minLength: length, maxLength: length })

const isEndMark = (mark: string): mark is EndMark => Object.hasOwn(endMarks, mark)

test('what is written as a frame is read again, in both codings, both directions, with packets or without', () => {
  const frames = fc.record({
    coding: fc.constantFrom('hex' as const, 'ascii' as const),
    direction: fc.constantFrom('up' as const, 'down' as const),
    center: fc.nat({ max: 255 }),
    station: hexDigits(10),
    password: hexDigits(4),
    func: hexDigits(2),
    end: fc.constantFrom(...Object.keys(endMarks).filter(isEndMark)),
    body: fc.uint8Array({ maxLength: 300 }),
    packet: fc.option(fc.record({ packets: fc.nat({ max: 4095 }), packetNo: fc.nat({ max: 4095 }) }), {
      nil: undefined,
    }),
  })
  fc.assert(
    fc.property(frames, ({ packet, ...fields }) => {
      const frame = { ...fields, start: packet === undefined ? ('STX' as const) : ('SYN' as const), ...packet }
      const bytes = writeFrame(frame)
      const numberBytes = packet === undefined ? 0 : frame.coding === 'hex' ? 3 : 6
      expect(readFrame(bytes)).toEqual({
        kind: 'frame',
        frame: { ...frame, bodyLen: frame.body.length + numberBytes },
        next: bytes.length,
      })
    }),
  )
})

test('a text longer than the header can say is not written', () => {
  const station = { center: 1, station: '0012345678', password: '1234', func: '32' } as const
  const frame = { coding: 'hex', direction: 'up', ...station, start: 'STX', end: 'ETX' } as const
  expect(() => writeFrame({ ...frame, body: new Uint8Array(4096) })).toThrow(RangeError)
  expect(writeFrame({ ...frame, body: new Uint8Array(4095) })).toHaveLength(14 + 4095 + 3)
})

/** Elements with BCD digits; those with a form of their own are tested by name. */
const plainIds = [...elementsById.keys()].filter(id => !/^(04|45|F.)$/.test(id))

/** Digits that fit their bytes; a minus takes the first byte. */
const numbers = fc
  .record({
    id: fc.oneof(
      fc.constantFrom(...plainIds),
      hexDigits(2).map(digits => `FF${digits}`),
    ),
    bytes: fc.integer({ min: 2, max: 7 }),
    decimals: fc.integer({ min: 0, max: 7 }),
    negative: fc.boolean(),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ id, bytes, decimals, negative, share }) => {
    const digits = 2 * (negative ? bytes - 1 : bytes)
    const whole = Math.floor(share * (10 ** digits - 1))
    const value = Number(`${negative && whole !== 0 ? '-' : ''}${whole}e-${decimals}`)
    const definition = ((bytes << 3) | decimals).toString(16).padStart(2, '0')
    return { id, value, hex: `${id}${definition}${negative ? 'FF' : ''}${String(whole).padStart(digits, '0')}` }
  })

test('any numbers in BCD come out as they went in', () => {
  fc.assert(
    fc.property(fc.array(numbers, { maxLength: 20 }), elements => {
      const read = readElements(Buffer.from(elements.map(({ hex }) => hex).join(''), 'hex'), 0)
      expect(read).toEqual({
        elements: elements.map(({ id, value }) => ({ id, ...elementFacts(id), obsTime: null, value })),
      })
    }),
  )
})

test('any numbers in ASCII coding come out as they went in', () => {
  const words = fc.array(
    fc.record({
      id: fc.constantFrom(...plainIds),
      tenths: fc.option(fc.integer({ min: -1e6, max: 1e6 }), { nil: null }),
    }),
    { maxLength: 20 },
  )
  fc.assert(
    fc.property(words, elements => {
      const text = elements.map(
        ({ id, tenths }) => `${elementFacts(id).symbol} ${tenths === null ? 'M' : (tenths / 10).toFixed(1)} `,
      )
      const read = readTextElements(text.join(''))
      expect(read).toMatchObject({
        elements: elements.map(({ id, tenths }) => ({ id, value: tenths === null ? null : tenths / 10 })),
      })
    }),
  )
})
