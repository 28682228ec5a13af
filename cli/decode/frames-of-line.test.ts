import type { Frame } from '@forewarn/protocols/frame-decoder'
import { describe, expect, test } from 'vitest'
import { framesOfLine, hexPartsOf } from './frames-of-line.ts'

const first = (line: string): Frame | undefined => framesOfLine(Buffer.from(line), {})[0]
const hex = (parts: readonly Uint8Array[] | undefined) => parts?.map(part => Buffer.from(part).toString('hex'))

describe('a line of hex', () => {
  test.each([
    ['7e7E02', ['7e7e02']],
    ['7E 7E 02', ['7e7e02']],
    ['0x7E7E02', ['7e7e02']],
    ['0x7E 0x7E 0x02', ['7e7e02']],
    ['0x7E,0x7E,0x02', ['7e7e02']],
    ['[7E 7E 02]', ['7e7e02']],
    ['7E:7E:02', ['7e7e02']],
    ['7E7E02, 7E7E03', ['7e7e02', '7e7e03']],
    ['7E7E02;7E7E03', ['7e7e02', '7e7e03']],
    ['[7E7E02 7E7E03]', ['7e7e02', '7e7e03']],
    ['[7E 7E 02, 7E 7E 03]', ['7e7e02', '7e7e03']],
    ['7E7', undefined],
    ['7 E', undefined],
    ['cpu v=1', undefined],
    ['7E7E02, x', undefined],
  ])('%s is %j', (line, parts) => {
    expect(hex(hexPartsOf(line))).toEqual(parts)
  })

  test('of one packet is its bytes, of several its parts', () => {
    expect(first('7E7E02')).toEqual({ bytes: Buffer.from('7e7e02', 'hex') })
    expect(hex(first('["7E7E02","7E7E03"]')?.parts)).toEqual(['7e7e02', '7e7e03'])
  })
})

describe('a line of JSON', () => {
  test('with a frame in it is that frame, and says more than the command line', () => {
    const row = { id: 'x', text: 'cpu v=1', precision: '1s', defaultTime: 7, expect: 'accept' }
    expect(framesOfLine(Buffer.from(JSON.stringify(row)), { precision: '1ns', topic: 't' })[0]).toEqual({
      text: 'cpu v=1',
      precision: '1s',
      defaultTime: '7',
      topic: 't',
    })
  })

  test('may name its element, its kind, or its name', () => {
    expect(first('{"text":"x","element":"circle"}')).toEqual({ text: 'x', kind: 'circle' })
    expect(first('{"hex":"EF7B","name":"Int8Array"}')).toMatchObject({ kind: 'Int8Array' })
  })

  test('that is no envelope is the payload', () => {
    expect(first('{"temperature":1}')).toEqual({ json: { temperature: 1 } })
    expect(first('[{"n":"a","v":1}]')).toEqual({ json: [{ n: 'a', v: 1 }] })
  })

  test('that looks like an envelope may still be a payload', () => {
    expect(framesOfLine(Buffer.from('{"text":"on"}'), {})).toContainEqual({ json: { text: 'on' } })
  })

  test('keeps the digits of numbers beyond 2^53', () => {
    expect(first('{"json":{"time":1603976386427250217}}')).toEqual({ json: { time: '1603976386427250217' } })
  })

  test('that is a text is read as that text', () => {
    expect(first('"a\\nb"')).toEqual({ text: 'a\nb' })
  })
})

test('a text is also tried with its escapes resolved, and with the end of line that it lost', () => {
  expect(framesOfLine(Buffer.from('##x\\r\\n'), {}).map(({ text }) => text)).toEqual([
    '##x\\r\\n',
    '##x\r\n',
    '##x\\r\\n\r\n',
  ])
})

test('what is no UTF-8 is bytes', () => {
  expect(framesOfLine(Buffer.from([0x7e, 0xff, 0x7e]), {})).toEqual([{ bytes: Buffer.from([0x7e, 0xff, 0x7e]) }])
})

test('base64 is tried last', () => {
  expect(framesOfLine(Buffer.from('CNLig7n6'), {}).at(-1)).toEqual({ bytes: Buffer.from('CNLig7n6', 'base64') })
})
