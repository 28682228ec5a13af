import { describe, expect, test } from 'vitest'
import { sl651Decoder } from './decoder.ts'
import { elementsById } from './elements.ts'
import { type FrameToWrite, writeFrame } from './frame.ts'
import { repairSl651 } from './repair.ts'

const station = { center: 1, station: '0012345678', password: '1234' } as const
const prologue = '0003140612020000'
const address = 'F1F1001234567848'

function frame(bodyHex: string, more: Partial<FrameToWrite> = {}): Uint8Array {
  const body = Buffer.from(bodyHex.replaceAll(' ', ''), 'hex')
  return writeFrame({ coding: 'hex', direction: 'up', ...station, func: '32', start: 'STX', end: 'ETX', body, ...more })
}

function ascii(text: string, more: Partial<FrameToWrite> = {}): Uint8Array {
  const body = Buffer.from(text, 'latin1')
  return frame('', { coding: 'ascii', ...more, body })
}

function report(elementsHex: string, more: Partial<FrameToWrite> = {}): unknown {
  return sl651Decoder.decode({ bytes: frame(`${prologue} ${address} F0F01406120200 ${elementsHex}`, more) })
}

function accepts(elements: readonly object[]) {
  return { ok: true, records: [{ elements }] }
}

const obsTime = '2014-06-12T02:00'
const level = { id: '39', symbol: 'Z', unit: 'm', obsTime }

describe('elements of the binary coding', () => {
  test('FF before digits is a minus, all FF is no value', () => {
    expect(report('3923 FF000345 3923 FFFFFFFF 3923 00000345')).toMatchObject(
      accepts([
        { ...level, value: -0.345 },
        { ...level, value: null },
        { ...level, value: 0.345 },
      ]),
    )
  })

  test('FF before an id is an extension, kept under its two bytes', () => {
    expect(report('FF09 08 20 FF3A 1B FF0001')).toMatchObject(
      accepts([
        { id: 'FF09', symbol: '?', unit: null, obsTime, value: 20 },
        { id: 'FF3A', symbol: '?', unit: null, obsTime, value: -0.001 },
      ]),
    )
  })

  test('digits that are no BCD give no value, and are kept as they came', () => {
    expect(report('3923 00A00345')).toMatchObject(accepts([{ ...level, value: null, rawHex: '00A00345' }]))
  })

  test('an element takes the observation time that stands before it', () => {
    expect(report('3923 00001000 F0F01406120205 3923 00001100')).toMatchObject(
      accepts([
        { ...level, value: 1 },
        { ...level, obsTime: '2014-06-12T02:05', value: 1.1 },
      ]),
    )
  })

  test('an observation time that is no moment of the calendar becomes null, and the values stay', () => {
    expect(report('F0F0 0000000000 3923 00001000')).toMatchObject(accepts([{ ...level, obsTime: null, value: 1 }]))
  })

  test.each([
    ['F4', 'DRP', 'mm', `F460 ${'00'.repeat(10)} FE FF`, [...Array(10).fill(0), 25.4, null]],
    ['F5', 'DRZ1', 'm', `F55C ${'0AAA'.repeat(11)} FFFF`, [...Array(11).fill(27.3), null]],
    ['FC', 'DRZ8', 'm', `FCC0 ${'0001'.repeat(12)}`, Array(12).fill(0.01)],
  ])(
    'the twelve values of %s have the length of Annex C, whatever their definition says',
    (id, symbol, unit, hex, values) => {
      expect(report(`${hex} 3812 1290`)).toMatchObject(
        accepts([
          { id, symbol, unit, obsTime, values },
          { id: '38', value: 12.9 },
        ]),
      )
    },
  )

  test('behind a step one id stands for values to the end of the text', () => {
    expect(report('0418 000005 3923 00000122 FFFFFFFF FF000285', { func: '31' })).toMatchObject(
      accepts([
        { id: '04', symbol: 'DR', value: { d: 0, h: 0, min: 5 } },
        { ...level, values: [0.122, null, -0.285] },
      ]),
    )
  })

  test('a series ends where an observation time begins', () => {
    expect(report('0418 000005 3923 00000122 F0F01406120300 3812 1290', { func: '31' })).toMatchObject(
      accepts([{ id: '04' }, { ...level, values: [0.122] }, { id: '38', obsTime: '2014-06-12T03:00', value: 12.9 }]),
    )
  })

  test('bits of the station status are named by their numbers', () => {
    expect(report('4520 80000401')).toMatchObject(
      accepts([{ id: '45', symbol: 'ZT', obsTime, value: 2147484673, bits: [0, 10, 31] }]),
    )
  })

  test('text entered by hand may be Chinese', () => {
    const text = Buffer.from([0xcb, 0xae, 0xce, 0xbb]).toString('hex')
    const decoded = sl651Decoder.decode({ bytes: frame(`${prologue} F2F2 ${text}`, { func: '35' }) })
    expect(decoded).toMatchObject(accepts([{ id: 'F2', symbol: 'RGZS', value: '水位' }]))
  })

  test.each(['3923 0000', '39', 'F460 00', '0418 00', 'F0F0 1406', '4520 0000'])(
    'a text that ends within %s goes to a person',
    hex => {
      expect(report(hex)).toMatchObject({
        ok: false,
        expect: 'quarantine',
        error: expect.stringMatching(/ends|definition/),
      })
    },
  )

  test.each([...elementsById.keys()].filter(id => Number.parseInt(id, 16) < 0xf0 && id !== '04' && id !== '45'))(
    'element %s of Annex C has its symbol',
    id => {
      const { symbol, unit } = elementsById.get(id) ?? { symbol: '', unit: null }
      expect(report(`${id}19 000123`)).toMatchObject(accepts([{ id, symbol, unit, obsTime, value: 12.3 }]))
    },
  )
})

describe('elements of the ASCII coding', () => {
  const opening = '0003140612020000 '

  test('words become the same elements as bytes', () => {
    const bytes = ascii(`${opening}ST 0012345678 H TT 1406120200 Z -0.345 PT 311.3 VT M ZT 00000401 XY 7 `)
    expect(sl651Decoder.decode({ bytes })).toMatchObject({
      ok: true,
      records: [
        {
          coding: 'ascii',
          direction: 'up',
          ...station,
          func: '32',
          serial: 3,
          sendTime: '2014-06-12T02:00:00',
          reportStation: '0012345678',
          stationType: 'H river',
          elements: [
            { ...level, value: -0.345 },
            { id: '26', symbol: 'PT', unit: 'mm', obsTime, value: 311.3 },
            { id: '38', symbol: 'VT', unit: 'V', obsTime, value: null },
            { id: '45', symbol: 'ZT', obsTime, value: 1025, bits: [0, 10] },
            { id: 'XY', symbol: '?', unit: null, obsTime, value: 7 },
          ],
        },
      ],
    })
  })

  test('a step makes a series of the next id', () => {
    const bytes = ascii(`${opening}ST 0012345678 Z TT 1406120200 DRN05 Z 1.00 M 1.02 VT 12.9 `, { func: '31' })
    expect(sl651Decoder.decode({ bytes })).toMatchObject({
      records: [
        {
          stationType: 'Z sluice',
          elements: [
            { id: '04', value: { d: 0, h: 0, min: 5 } },
            { ...level, values: [1, null, 1.02] },
            { id: '38', value: 12.9 },
          ],
        },
      ],
    })
  })

  test('the twelve values of an hour stay hex digits', () => {
    const bytes = ascii(`${opening}ST 0012345678 P TT 1406120200 DRP ${'05'.repeat(11)}FF `)
    expect(sl651Decoder.decode({ bytes })).toMatchObject({
      records: [
        { elements: [{ id: 'F4', symbol: 'DRP', unit: 'mm', obsTime, values: [...Array(11).fill(0.5), null] }] },
      ],
    })
  })

  test('packets have their numbers in six characters', () => {
    const bytes = ascii(`${opening}ST 0012345678 H `, { start: 'SYN', end: 'ETB', packets: 13, packetNo: 1 })
    expect(sl651Decoder.decode({ bytes })).toMatchObject({ records: [{ packets: 13, packetNo: 1, end: 'ETB' }] })
  })

  test.each(['Z', 'TT', 'ST', 'DRP 00'])('a text that ends within %s goes to a person', words => {
    expect(sl651Decoder.decode({ bytes: ascii(opening + words) })).toMatchObject({ ok: false, expect: 'quarantine' })
  })
})

describe('frames', () => {
  test('downwards the addresses change places', () => {
    const bytes = frame(prologue, { direction: 'down', func: '34', end: 'EOT' })
    expect(sl651Decoder.decode({ bytes })).toEqual({
      ok: true,
      expect: 'accept',
      records: [
        {
          direction: 'down',
          ...station,
          func: '34',
          bodyLen: 8,
          start: 'STX',
          end: 'EOT',
          serial: 3,
          sendTime: '2014-06-12T02:00:00',
        },
      ],
    })
  })

  test('a station address may hold letters', () => {
    const bytes = frame(prologue, { station: '00303A9006', func: '2F' })
    expect(sl651Decoder.decode({ bytes })).toMatchObject({ ok: true, records: [{ station: '00303A9006' }] })
  })

  test.each(['ETX', 'ETB', 'ENQ', 'ACK', 'EOT', 'NAK', 'ESC'] as const)('a text may end with %s', end => {
    expect(sl651Decoder.decode({ bytes: frame(prologue, { end }) })).toMatchObject({ ok: true, records: [{ end }] })
  })

  test('an empty text is a frame', () => {
    const decoded = sl651Decoder.decode({ bytes: frame('') })
    expect(decoded).toMatchObject({ ok: true, records: [{ bodyLen: 0 }] })
    expect(decoded.records[0]).not.toHaveProperty('serial')
  })

  test.each([
    ['a length that says less', 12, 0x05],
    ['a length that says more', 12, 0x09],
  ])('%s than the bytes that the checksum covers goes to a person', (_, at, value) => {
    const bytes = withRightSum(frame(prologue), at, value)
    expect(sl651Decoder.decode({ bytes })).toMatchObject({
      ok: false,
      expect: 'quarantine',
      error: expect.stringMatching(/header says/),
    })
  })

  test('every shorter part of a frame waits for more', () => {
    const whole = frame(`${prologue} ${address} F0F01406120200 3923 00001000`)
    for (let length = 0; length < whole.length; length++) {
      expect(sl651Decoder.decode({ bytes: whole.subarray(0, length) }).expect).toBe('incomplete')
    }
  })

  test('every single flipped bit behind the lead is noticed', () => {
    const whole = frame(`${prologue} ${address} F0F01406120200 3923 00001000`)
    for (let bit = 16; bit < whole.length * 8; bit++) {
      const flipped = Uint8Array.from(whole)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(sl651Decoder.decode({ bytes: flipped }).ok).toBe(false)
    }
  })

  test('several frames in one piece are all read', () => {
    const one = frame(prologue, { func: '2F' })
    const decoded = sl651Decoder.decode({ bytes: Buffer.concat([one, one, Uint8Array.of(0x7e)]) })
    expect(decoded.records).toMatchObject([{ frames: 2, trailing: '7E' }, { func: '2F' }, { func: '2F' }])
  })
})

/** The frame with another byte and the checksum that fits. */
function withRightSum(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const other = Uint8Array.from(bytes)
  other[at] = value
  return repairSl651(other)
}

describe('messages in packets', () => {
  const text = `${prologue} ${address} F0F01406120200 3923 00001000 2619 000123`.replaceAll(' ', '')
  const packet = (packetNo: number, hex: string) =>
    frame(hex, { start: 'SYN', end: packetNo === 2 ? 'ETX' : 'ETB', packets: 2, packetNo })
  // Cut within an element, as a station with a short channel does.
  const parts = [packet(1, text.slice(0, 62)), packet(2, text.slice(62))]

  test('an element that was cut between two packets is read', () => {
    const decoded = sl651Decoder.decode({ parts })
    expect(decoded).toMatchObject({
      ok: true,
      records: [
        {
          packets: 2,
          packetNos: [1, 2],
          message: {
            elements: [
              { ...level, value: 1 },
              { id: '26', value: 12.3 },
            ],
          },
        },
      ],
    })
  })

  test('the order of arrival and a packet that came twice do not matter', () => {
    expect(sl651Decoder.decode({ parts: [...parts.toReversed(), ...parts] })).toEqual(sl651Decoder.decode({ parts }))
  })

  test('a missing packet is named', () => {
    expect(sl651Decoder.decode({ parts: parts.slice(0, 1) })).toMatchObject({
      expect: 'incomplete',
      error: expect.stringMatching(/packets 2 are missing/),
    })
  })

  test('packets of two stations are no message', () => {
    const stranger = frame(text.slice(62), { station: '0000000009', start: 'SYN', packets: 2, packetNo: 2 })
    expect(sl651Decoder.decode({ parts: [packet(1, text.slice(0, 62)), stranger] })).toMatchObject({ expect: 'reject' })
  })
})
