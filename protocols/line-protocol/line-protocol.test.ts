import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatPoint } from './format.ts'
import { parseLines } from './parse.ts'
import { byKey, type FieldValue, type Point, precisionOf } from './point.ts'

const word = fc
  .string({ unit: fc.constantFrom('a', 'ü', '水', ' ', ',', '=', '\\', '"', '#', '.'), minLength: 1, maxLength: 8 })
  .filter(text => !text.endsWith('\\'))
const name = word.filter(text => !text.startsWith('#'))
const value: fc.Arbitrary<FieldValue> = fc.oneof(
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(int => ({ type: 'int' as const, value: int })),
  fc.bigInt(0n, 2n ** 64n - 1n).map(uint => ({ type: 'uint' as const, value: uint })),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(float => ({ type: 'float' as const, value: float })),
  fc.boolean().map(bool => ({ type: 'bool' as const, value: bool })),
  fc.string({ unit: 'grapheme' }).map(string => ({ type: 'string' as const, value: string })),
)
const point: fc.Arbitrary<Point> = fc.record({
  name,
  tags: fc
    .uniqueArray(fc.record({ key: word, value: word }), { selector: ({ key }) => key, maxLength: 4 })
    .map(tags => tags.toSorted(byKey)),
  fields: fc.array(fc.record({ key: word, value }), { minLength: 1, maxLength: 4 }),
  timeNs: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
})

describe('points', () => {
  test('are read as they were written, also several in one text', () => {
    fc.assert(
      fc.property(fc.array(point, { maxLength: 4 }), points => {
        const lines = points.map(one => {
          const written = formatPoint(one)
          if (typeof written === 'string') throw new Error(written)
          return written.line
        })
        expect(parseLines(lines.join('\n'))).toEqual(points)
        // Whoever cuts a batch at its line breaks cuts between points.
        for (const line of lines) expect(line).not.toMatch(/[\n\r]/)
      }),
    )
  })

  test('are separated by empty lines, comments and the line ends of Windows', () => {
    const read = parseLines('# a comment\r\n\n  cpu v=1 1\r\n   \ncpu v=2 2\r')
    expect(read).toMatchObject([{ timeNs: 1n }, { timeNs: 2n }])
  })
})

test.each([
  ['a tag without a value', 'cpu,a= v=1', 'line 1, column 7: tag a has no value'],
  ['the second line of two', 'cpu v=1 1\ncpu v=x 1', 'line 2, column 8: x is no value'],
  ['NaN', 'cpu v=NaN', 'NaN is no value'],
  ['a number beyond a double', 'cpu v=1e999', 'does not fit into a double'],
  ['a minus before an unsigned zero', 'cpu v=-0u 1', 'is no value'],
  ['a time beyond 64 bits of ns', 'cpu v=1 9223372036854775807', 'does not fit into 64 bits'],
  ['a carriage return inside', 'cpu v=1\rcpu v=2', 'after the fields'],
  ['a control character in a comment', '# a\u0001b\ncpu v=1 1', 'control character'],
  ['no time, and none for such lines', 'cpu v=1', 'no time'],
  ['a text without its end', 'cpu v="a', 'closing quote'],
  ['more digits than any number has', `cpu v=${'9'.repeat(5_000)}i 1`, 'does not fit into 64 bits'],
])('%s is refused, and the place is told', (_, text, trouble) => {
  expect(parseLines(text, { precision: text.includes('9223372036854775807') ? '1s' : '1ns' })).toContain(trouble)
})

test('the time of a line without one is cut to the precision, also before 1970', () => {
  expect(parseLines('a v=1', { precision: '1s', defaultTimeNs: 1_999_999_999n })).toMatchObject([
    { timeNs: 1_000_000_000n },
  ])
  expect(parseLines('a v=1', { precision: '1s', defaultTimeNs: -1n })).toMatchObject([{ timeNs: -1_000_000_000n }])
})

describe('a point that could not be read again is not written', () => {
  const good: Point = { name: 'm', tags: [], fields: [{ key: 'v', value: { type: 'bool', value: true } }], timeNs: 0n }
  const tag = (key: string, value = 'x') => ({ key, value })

  test.each([
    ['an empty measurement', { ...good, name: '' }, 'measurement is empty'],
    ['a measurement like a comment', { ...good, name: '#m' }, 'must not begin with #'],
    ['a line break in a tag', { ...good, tags: [tag('a', 'b\nc')] }, 'control character'],
    ['a backslash at the end', { ...good, tags: [tag('a', 'b\\')] }, 'ends with a backslash'],
    ['tags out of order', { ...good, tags: [tag('b'), tag('a')] }, 'not in the order'],
    ['a tag twice', { ...good, tags: [tag('a'), tag('a')] }, 'twice'],
    ['no field', { ...good, fields: [] }, 'at least one field'],
    ['NaN', { ...good, fields: [{ key: 'v', value: { type: 'float', value: Number.NaN } as const }] }, 'not finite'],
    ['half a surrogate', { ...good, name: '\ud800' }, 'no UTF-8'],
    ['a time beyond 64 bits', { ...good, timeNs: 2n ** 63n }, 'does not fit'],
  ])('%s', (_, point, trouble) => {
    expect(formatPoint(point)).toContain(trouble)
  })
})

test.each([
  ['1ns', '1ns'],
  ['ns', '1ns'],
  ['u', '1us'],
  ['1µs', '1us'],
  ['1μs', '1us'],
  ['ms', '1ms'],
  ['s', '1s'],
  ['1h', undefined],
])('precision %s is known as %s', (text, precision) => {
  expect(precisionOf(text)).toBe(precision)
})
