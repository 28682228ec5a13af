import { qualityCode } from '@forewarn/contracts/reading'
import { expect, test } from 'vitest'
import { batchOf, sixMs } from '../sample-readings.ts'
import { indexVerdict } from './health.ts'
import { identifier, linesOf, quoted, seriesOf, tagOf } from './lines.ts'

test.each([
  ['gauge-7', 'reading,s=gauge-7'],
  ['a b', 'reading,s=a\\ b'],
  ['a,b=c', 'reading,s=a\\,b\\=c'],
  ['a\\', 'reading,s=a%5C'],
  ['a\nb v=9', 'reading,s=a%0Ab\\ v\\=9'],
  ['100%', 'reading,s=100%25'],
  ['a\u0000\r\u007f', 'reading,s=a%00%0D%7F'],
  ['水位', 'reading,s=水位'],
])('the id %j cannot break out of its tag', (id, series) => {
  expect(seriesOf(id)).toBe(series)
})

test('two different ids never share a tag', () => {
  const ids = ['a\n', 'a%0A', 'a%250A', 'a\\', 'a%5C', 'a']
  expect(new Set(ids.map(tagOf)).size).toBe(ids.length)
})

test('text in a query cannot end its quotes', () => {
  expect(quoted("a' OR '1'='1")).toBe("'a\\' OR \\'1\\'=\\'1'")
  expect(quoted('a\\')).toBe("'a\\\\'")
  expect(identifier('a"; DROP DATABASE b')).toBe('"a\\"; DROP DATABASE b"')
})

test('a line carries value, quality, both times, and no value where there was none', () => {
  const series = ['reading,s=a', 'reading,s=b']
  const batch = batchOf(
    [
      [0, 0.4, 1.5],
      [1, 1000, Number.NaN],
    ],
    { quality: qualityCode.fault, receivedAtMs: sixMs + 250 },
  )
  expect(linesOf([batch], { series, lanes: 2 })).toEqual([
    [`reading,s=a v=1.5,q=4i,r=${sixMs + 250}i ${sixMs}`],
    [`reading,s=b q=4i,r=${sixMs + 250}i ${sixMs + 1000}`],
  ])
})

test.each([
  [{ sensors: 90_000, limit: 100_000, index: 'inmem', series: 0 }, 'ok'],
  [{ sensors: 150_000, limit: 100_000, index: 'tsi1', series: 0 }, 'ok'],
  [{ sensors: 150_000, limit: 0, index: 'inmem', series: 0 }, 'ok'],
  [{ sensors: 150_000, limit: 100_000, index: 'inmem', series: 100_000 }, 'failed'],
  [{ sensors: 150_000, limit: 100_000, index: undefined, series: 100_000 }, 'warning'],
  [{ sensors: 150_000, limit: 100_000, index: undefined, series: 150_000 }, 'ok'],
])('the index of InfluxDB 1.x: %j is %s', (facts, status) => {
  expect(indexVerdict(facts).status).toBe(status)
})
