import { expect, test } from 'vitest'
import { fuzzDecoder } from '../fuzz.ts'
import { jsonDecoder } from './decoder.ts'

test('without a mapping the values of plain JSON come by their paths', () => {
  expect(jsonDecoder.decode({ text: '{"a":{"b":1},"c":["x",true,null]}' }).records).toEqual([
    { values: { 'a.b': 1, 'c.0': 'x', 'c.1': true, 'c.2': null } },
  ])
  expect(jsonDecoder.decode({ text: '{' }).expect).toBe('reject')
})

test('a name that every object has is a name like any other', () => {
  const { records } = jsonDecoder.decode({ text: '{"__proto__":{"x":1}}' })
  expect(JSON.stringify(records)).toBe('[{"values":{"__proto__.x":1}}]')
})

fuzzDecoder('json', jsonDecoder, [{ json: { a: { b: [1, 'x'] } } }, { text: '{"a":1}' }])
