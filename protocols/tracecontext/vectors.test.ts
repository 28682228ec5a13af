import { expect, test } from 'vitest'
import { fuzzDecoder } from '../fuzz.ts'
import { checkVectors, frameOf, vectorRows } from '../vectors/check-vectors.ts'
import { tracecontextDecoder } from './decoder.ts'
import { parseTracestate } from './header.ts'

checkVectors('tracecontext', tracecontextDecoder)

fuzzDecoder('tracecontext', tracecontextDecoder, vectorRows('tracecontext').map(frameOf))

const good = '12345678901234567890123456789012-1234567890123456'

test.each([
  [`00-${good}-00`, 'accept'],
  [`00-${good}-01 \t`, 'accept'],
  [`traceparent: 00-${good}-01`, 'accept'],
  [`cc-${good}-01.what-the-future-will-be-like`, 'reject'],
  [`00-${good.toUpperCase().replace('1', 'A')}-01`, 'reject'],
  [`00-${'0'.repeat(32)}-1234567890123456-01`, 'reject'],
  ['foo=1 \t , \t bar=2,, baz=3', 'accept'],
  ['0tenant@vendor=1', 'accept'],
  ['foo=1,foo=2', 'reject'],
  ['FOO=1', 'reject'],
  [`t@${'v'.repeat(15)}=1`, 'reject'],
  [`${'z'.repeat(257)}=1`, 'reject'],
  ['foo=', 'reject'],
])('%s: %s', (text, verdict) => {
  expect(tracecontextDecoder.decode({ text }).expect).toBe(verdict)
})

test('the members of a tracestate come in their order', () => {
  expect(parseTracestate('b=2,a=1')).toEqual([
    { key: 'b', value: '2' },
    { key: 'a', value: '1' },
  ])
})
