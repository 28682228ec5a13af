import { formatSenml } from '@forewarn/contracts/senml'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createClocks } from '../clocks.ts'
import type { Arrival } from '../judge.ts'
import { sensorNames } from '../sensor-names.ts'
import { testDistrict } from '../test-district.ts'
import { plainSenmlReader } from './plain-senml.ts'
import { readAnyReadings } from './readings.ts'

const names = sensorNames(testDistrict)
const gatewayId = 'gw-1'
const receivedAtMs = Date.UTC(2026, 6, 20, 15)
const plain = plainSenmlReader()
const mine = ['depth-1', 'gauge-1']

const arrival = (): Arrival => ({
  gatewayId,
  gateway: names.gateway(gatewayId),
  names,
  receivedAtMs,
  clocks: createClocks(),
})

function both(text: string) {
  const payload = Buffer.from(text)
  const publish = { gateway: gatewayId, topic: `fw/1/${testDistrict.id}/gw-1/readings`, payload, receivedAtMs }
  return { short: plain(publish, arrival()), long: readAnyReadings(publish, arrival()) }
}

/** The short way may leave a message to the long one, and never read it otherwise. */
function expectAgreement(text: string): boolean {
  const { short, long } = both(text)
  if (short === undefined) return false
  expect(long).toMatchObject({ kind: 'readings', asides: [] })
  expect('batch' in long && long.batch).toEqual(short)
  return true
}

test('what an edge agent sends is read the short way', () => {
  const [first = '', second = first] = mine
  const readings = [
    { name: first, timeMs: receivedAtMs - 1500, value: 0.25 },
    { name: second, timeMs: receivedAtMs - 500, value: 0.1234567890123456789 },
    { name: first, timeMs: receivedAtMs, value: 1e-7, unit: 'm' },
  ]
  expect(expectAgreement(formatSenml(readings, { sequence: 12 }))).toBe(true)
})

const name = mine[0] ?? ''
test.each([
  `[{"n":"${name}","v":0.3}]`,
  `[ { "bn" : "${name.slice(0, 2)}", "n": "${name.slice(2)}", "v": -0 } ]  \n`,
  `[{"bt":${receivedAtMs / 1000},"bu":"m","bn":"${name}","v":1},{"t":-1.5,"v":2.50}]`,
  `[{"n":"${name}","t":-5,"v":0.30000000000000004}]`,
  `[{"n":"${name}","fwseq":7,"v":3e-1},{"n":"${name}","t":1,"fwseq":9,"v":1}]`,
  `[{"v":0.3,"u":"m","n":"${name}"}]`,
])('%s is plain', text => {
  expect(expectAgreement(text)).toBe(true)
})

test.each([
  '',
  '[]',
  '[{}]',
  '{}',
  `[{"n":"${name}","v":0.3}`,
  `[{"n":"${name}","v":0.3}]x`,
  `[{"n":"${name}","v":0.3},]`,
  `[{"n":"${name}","v":00.3}]`,
  `[{"n":"${name}","v":.3}]`,
  `[{"n":"${name}","v":1.}]`,
  `[{"n":"${name}","v":1e999}]`,
  `[{"n":"${name}","v":"1"}]`,
  `[{"n":"${name}","v":99}]`,
  `[{"n":"${name}","u":"mm","v":1}]`,
  `[{"n":"nobody","v":1}]`,
  `[{"n":"${name}","vb":true}]`,
  `[{"n":"${name}","v":1,"fwq":3}]`,
  `[{"n":"${name}","x_":1,"v":1}]`,
  `[{"bn":"${name}"},{"v":1}]`,
  `[{"n":"${name}","t":1,"v":1,"bt":3e9}]`,
  `[{"n":"\\u0041","v":1}]`,
])('%s is left to the long way', text => {
  expect(both(text).short).toBeUndefined()
})

test('whatever is read the short way comes to the same the long way', () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => JSON.stringify(value)),
    fc.double({ min: -0.1, max: 5, noNaN: true }).map(value => JSON.stringify(value)),
    fc.integer({ min: -1000, max: 1000 }).map(value => (value / 1000).toFixed(3)),
    fc.constantFrom('-0', '0.10', '1E2', '12345678901234567890', '01', '-', '1.5e+', 'null', 'true'),
  )
  const text = fc.constantFrom(
    '"m"',
    '"mm"',
    `"${name}"`,
    `"${mine[1] ?? name}"`,
    '""',
    '"é"',
    '"a\\"b"',
    `"${name.slice(0, 3)}"`,
  )
  const field = fc.oneof(
    fc.tuple(fc.constantFrom('v', 't', 'bt', 'fwseq', 'bv'), number),
    fc.tuple(fc.constantFrom('n', 'u', 'bn', 'bu'), text),
    fc.tuple(fc.constantFrom('n', 'v'), fc.constantFrom(`"${name}"`, '0.5')),
  )
  const record = fc
    .array(field, { maxLength: 4 })
    .map(fields => [['n', `"${name}"`], ['v', '0.5'], ...fields].map(([key, value]) => `"${key}":${value}`).join(','))
  let plainOnes = 0
  fc.assert(
    fc.property(fc.array(record, { maxLength: 4 }), fc.constantFrom('', ' '), (records, space) => {
      const pack = `[${records.map(one => `{${one}}`).join(`,${space}`)}]${space}`
      if (expectAgreement(pack)) plainOnes++
    }),
    { numRuns: 3000 },
  )
  expect(plainOnes).toBeGreaterThan(100)
})
