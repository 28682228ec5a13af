import { expect, test } from 'vitest'
import { crc16Modbus } from '../crc16.ts'
import { modbusDecoder } from './decoder.ts'
import { numberIn } from './registers.ts'

function rtu(hex: string) {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  const crc = crc16Modbus(bytes)
  return modbusDecoder.decode({ bytes: Uint8Array.from([...bytes, crc & 0xff, crc >> 8]) })
}

function tcp(hex: string) {
  return modbusDecoder.decode({ bytes: Buffer.from(hex.replaceAll(' ', ''), 'hex') })
}

// The examples of the Modbus Application Protocol 1.1b3, §6, as unit 1.
test.each([
  ['01 01 00 13 00 13', { unit: 1, fn: 1, start: 19, count: 19 }],
  ['01 02 00 C4 00 16', { unit: 1, fn: 2, start: 196, count: 22 }],
  ['01 04 00 08 00 01', { unit: 1, fn: 4, start: 8, count: 1 }],
  ['01 04 02 00 0A', { unit: 1, fn: 4, registers: [10] }],
  ['01 05 00 AC FF 00', { unit: 1, fn: 5, address: 172, value: 0xff00 }],
  ['01 06 00 01 00 03', { unit: 1, fn: 6, address: 1, value: 3 }],
  ['01 0F 00 13 00 0A 02 CD 01', { unit: 1, fn: 15, start: 19, count: 10, bits: [1, 0, 1, 1, 0, 0, 1, 1, 1, 0] }],
  ['01 0F 00 13 00 0A', { unit: 1, fn: 15, start: 19, count: 10 }],
  ['01 10 00 01 00 02 04 00 0A 01 02', { unit: 1, fn: 16, start: 1, count: 2, registers: [10, 258] }],
  ['01 10 00 01 00 02', { unit: 1, fn: 16, start: 1, count: 2 }],
  ['01 16 00 04 00 F2 00 25', { unit: 1, fn: 22, address: 4, and: 0xf2, or: 0x25 }],
  [
    '01 17 00 03 00 06 00 0E 00 03 06 00 FF 00 FF 00 FF',
    { unit: 1, fn: 23, start: 3, count: 6, writeStart: 14, writeCount: 3, registers: [255, 255, 255] },
  ],
  ['01 17 04 00 FE 0A CD', { unit: 1, fn: 23, registers: [254, 2765], int32be: 16_648_909 }],
  ['01 81 02', { unit: 1, fn: 1, exception: 2 }],
  ['01 11', { unit: 1, fn: 17 }],
  ['01 2B 0E 01 00', { unit: 1, fn: 43, dataHex: '0E0100' }],
])('RTU %s', (hex, record) => {
  expect(rtu(hex)).toEqual({ ok: true, expect: 'accept', records: [record] })
})

test('three bytes of bits are an answer, though a question is as long', () => {
  const { records } = rtu('01 01 03 CD 6B 05')
  expect(records).toMatchObject([{ unit: 1, fn: 1 }])
  expect(records[0]).toHaveProperty('bits.length', 24)
  expect(records[0]).toHaveProperty('bits.0', 1)
})

test.each([
  '01 03 03 00 01 02',
  '01 03 04 00 01',
  '01 05 00 01 12 34',
  '01 10 00 01 00 02 02 00 0A',
  '01 83 02 01',
  '01 00 00',
])('RTU %s has a right CRC and is refused', hex => {
  expect(rtu(hex)).toMatchObject({ ok: false, expect: 'reject' })
})

test('TCP waits for the rest, and refuses what is too long or has another protocol', () => {
  const question = '00 07 00 00 00 06 11 03 00 6B 00 03'
  expect(tcp(question).records).toEqual([{ transaction: 7, unit: 17, fn: 3, start: 107, count: 3 }])
  expect(tcp(question.slice(0, -3))).toMatchObject({ expect: 'incomplete' })
  expect(tcp(`${question} 00`)).toMatchObject({ expect: 'reject' })
  expect(tcp('00 07 00 01 00 06 11 03 00 6B 00 03')).toMatchObject({ expect: 'reject' })
  expect(tcp('00 07 00 00 00 03 11 83 02').records).toEqual([{ transaction: 7, unit: 17, fn: 3, exception: 2 }])
})

test('a CRC with its bytes the other way round is wrong', () => {
  expect(tcp('0103020056387A').ok).toBe(true)
  expect(tcp('01030200567A38')).toMatchObject({ ok: false, expect: 'reject' })
})

test.each([
  [[0xfffe], 'int16', {}, -2],
  [[0xfffe], 'uint16', {}, 65_534],
  [[0x1234], 'uint16', { bytes: 'low-first' }, 0x3412],
  [[0xffff, 0xfffe], 'int32', {}, -2],
  [[0x0001, 0x0002], 'uint32', {}, 65_538],
  [[0x0002, 0x0001], 'uint32', { words: 'low-first' }, 65_538],
  [[0x0200, 0x0100], 'uint32', { words: 'low-first', bytes: 'low-first' }, 65_538],
  [[0x41c8, 0x0000], 'float32', {}, 25],
  [[0x0000, 0x41c8], 'float32', { words: 'low-first' }, 25],
  [[0xc841, 0x0000], 'float32', { bytes: 'low-first' }, 25],
  [[0x4039, 0, 0, 0], 'float64', {}, 25],
  [[0xffff, 0xffff, 0xffff, 0xfffe], 'int64', {}, -2],
  [[1, 0, 0, 0], 'uint64', { words: 'low-first' }, 1],
  [[0x7fff, 0xffff, 0xffff, 0xffff], 'uint64', {}, undefined],
  [[0x7fc0, 0], 'float32', {}, undefined],
  [[1], 'int32', {}, undefined],
] as const)('%j as %s %j is %s', (registers, type, order, value) => {
  expect(numberIn(registers, type, order)).toBe(value)
})
