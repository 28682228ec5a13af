import { expect, test } from 'vitest'
import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { checkOuterVectors } from '../vectors/outer-vectors.ts'
import { crcText, readAnswer } from './answer.ts'
import { sdi12Decoder } from './decoder.ts'

checkVectors('sdi12', sdi12Decoder)
checkOuterVectors('sdi12', sdi12Decoder)

test.each([
  ['0+3.14-2.7+0', { kind: 'values', address: '0', values: [3.14, -2.7, 0] }],
  ['z+.5-1234567+1234.567', { kind: 'values', address: 'z', values: [0.5, -1_234_567, 1234.567] }],
  ['0', { kind: 'values', address: '0', values: [] }],
  ['00101', { kind: 'promise', address: '0', readyInS: 10, count: 1 }],
  ['A012310', { kind: 'promise', address: 'A', readyInS: 12, count: 310 }],
  ['100005', { kind: 'promise', address: '1', readyInS: 0, count: 5 }],
  [
    '014ACMEINC.GAUGE1100SN:123',
    {
      kind: 'identification',
      address: '0',
      sdi12: '1.4',
      vendor: 'ACMEINC.',
      model: 'GAUGE1',
      version: '100',
      extra: 'SN:123',
    },
  ],
  ['0,RP,mm,rain;', { kind: 'metadata', address: '0', fields: ['RP', 'mm', 'rain'] }],
])('%s is read by its form', (line, answer) => {
  expect(readAnswer(`${line}\r\n`)).toMatchObject(answer)
})

test('metadata with a CRC is checked too', () => {
  const line = '0,RP,mm,rain;'
  expect(readAnswer(line + crcText(line))).toMatchObject({ kind: 'metadata', fields: ['RP', 'mm', 'rain'] })
  expect(readAnswer(`${line}@@@`)).toMatchObject({ fault: 'reject' })
})

test.each(['0+3.142.718', '0+', '0+12345678', '?+1', '0+1e5', '0 +1', '001'])('%s is refused', line => {
  expect(readAnswer(`${line}\r\n`)).toMatchObject({ fault: 'reject' })
})

test('the CRC of any values is found right again, and one changed digit is not', () => {
  for (let value = 0; value < 500; value++) {
    const line = `3+${value}.25-${value}`
    const good = line + crcText(line)
    expect(readAnswer(good)).toMatchObject({
      withCrc: true,
      kind: 'values',
      address: '3',
      values: [value + 0.25, 0 - value],
    })
    expect(readAnswer(good.replace('.25', '.26'))).toMatchObject({ fault: 'reject' })
  }
})

fuzzDecoder('sdi12', sdi12Decoder, vectorRows('sdi12').map(frameOf), {
  repair: bytes => {
    const text = Buffer.from(bytes)
      .toString('latin1')
      .replace(/\r?\n?$/, '')
      .slice(0, -3)
    return Buffer.from(text + crcText(text), 'latin1')
  },
})
