import { parseSenml, type SenmlPack } from '@forewarn/contracts/senml'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accepted } from '../frame-decoder.ts'
import { parseSenmlCbor } from './cbor-pack.ts'
import { senmlDecoder } from './decoder.ts'
import { type ResolvedRecord, resolvePack } from './resolve-pack.ts'

const receivedAtMs = Date.UTC(2026, 6, 20, 15)

/** Times on a grid of a quarter second: sums of them are exact, so that rounding cannot part the two readers. */
const someTime = fc.integer({ min: -4_000_000, max: 8_000_000_000 }).map(quarters => quarters / 4)
const someNumber = fc.oneof(fc.integer(), fc.double({ noNaN: true, min: -1e300, max: 1e300 }))
const entry = fc.record(
  {
    bn: fc.string(),
    bt: someTime,
    bu: fc.string(),
    bv: someNumber,
    n: fc.string(),
    u: fc.string(),
    t: someTime,
    v: someNumber,
    vb: fc.boolean(),
  },
  { requiredKeys: [] },
)

interface Numeric {
  readonly name: string
  readonly unit: string | undefined
  readonly timeMs: number | undefined
  readonly value: number
}

function fastRecords(pack: SenmlPack | 'not-senml'): Numeric[] | 'not-senml' {
  if (pack === 'not-senml') return pack
  return pack.records.map(({ name, unit, timeMs, value }) => ({ name, unit, timeMs: timeMs ?? receivedAtMs, value }))
}

function fullRecord({ n, u, t, v, vb }: ResolvedRecord): Numeric {
  return { name: n, unit: u, timeMs: Math.round((t ?? 0) * 1000), value: v ?? (vb ? 1 : 0) }
}

test('the full reader and the fast one of the house resolve every pack alike', () => {
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 8 }), entries => {
      // Both v and vb in one record is wrong in the full form, and v in the fast one.
      fc.pre(entries.every(({ v, vb }) => v === undefined || vb === undefined))
      const pack = parseSenml(Buffer.from(JSON.stringify(entries)), receivedAtMs)
      const full = resolvePack(JSON.parse(JSON.stringify(entries)), receivedAtMs)
      if (typeof full === 'string') throw new Error(full)
      expect(full.resolved.map(fullRecord)).toEqual(fastRecords(pack))
      expect(full.faults.map(({ index }) => index)).toEqual(pack === 'not-senml' ? [] : pack.faults.map(f => f.index))
    }),
  )
})

const cborOfExample =
  '87A721781B75726E3A6465763A6F773A3130653230373361303130383030363A22FB41D303A15B00106223614120050067766F6C7461676501615602FB405E066666666666A3006763757272656E74062402FB3FF3333333333333A3006763757272656E74062302FB3FF4CCCCCCCCCCCDA3006763757272656E74062202FB3FF6666666666666A3006763757272656E74062102F93E00A3006763757272656E74062002FB3FF999999999999AA3006763757272656E74060002FB3FFB333333333333'
const jsonOfExample = [
  { bn: 'urn:dev:ow:10e2073a0108006:', bt: 1276020076.001, bu: 'A', bver: 5, n: 'voltage', u: 'V', v: 120.1 },
  ...[-5, -4, -3, -2, -1, 0].map((t, i) => ({ n: 'current', t, v: Number((1.2 + i / 10).toFixed(1)) })),
]

describe('CBOR', () => {
  test('a pack means the same in CBOR as in JSON', () => {
    const fromCbor = parseSenmlCbor(Buffer.from(cborOfExample, 'hex'), receivedAtMs)
    expect(fromCbor).toEqual(parseSenml(Buffer.from(JSON.stringify(jsonOfExample)), receivedAtMs))
    expect(fastRecords(fromCbor)).toHaveLength(7)
  })

  test.each([
    ['a map instead of an array', 'A0'],
    ['an array of numbers', '820102'],
    ['an end in the middle', '81A200'],
    ['an array longer than its bytes', '9B00000000FFFFFFFF'],
    ['bytes after the pack', '81A10061610000'],
    ['an empty pack', '80'],
    ['a key twice', '81A2006161006162'],
    ['nested past all reason', '81'.repeat(5000)],
  ])('%s is no SenML', (_, hex) => {
    expect(parseSenmlCbor(Buffer.from(hex, 'hex'), receivedAtMs)).toBe('not-senml')
    expect(senmlDecoder.decode({ bytes: Buffer.from(hex, 'hex') }).expect).toBe('reject')
  })

  test('endless items, half floats, bignums and decimal fractions are read', () => {
    // [_ {_ n: (_ "a", "b"), v: 4([-2, 2730])}, {n: "h", v: 1.5 as half}, {n: "big", v: 2(0x0100)}]
    const hex = '9FBF007F61616162FF02C48221190AAAFFA200616802F93E00A20063626967 02C2420100FF'.replaceAll(' ', '')
    expect(senmlDecoder.decode({ bytes: Buffer.from(hex, 'hex') })).toEqual(
      accepted({
        resolved: [
          { n: 'ab', v: 27.3 },
          { n: 'h', v: 1.5 },
          { n: 'big', v: 256 },
        ],
      }),
    )
  })

  test('a value that is no number is a fault of its record, for the house as well', () => {
    // [{n: "a", v: NaN}]
    const bytes = Buffer.from('81A200616102F97E00', 'hex')
    expect(senmlDecoder.decode({ bytes })).toMatchObject({ ok: false, error: 'record 0: not finite' })
    expect(parseSenmlCbor(bytes, receivedAtMs)).toMatchObject({ records: [{ value: Number.NaN }] })
  })

  test.each([
    ['t', '81A3006161020106F97E00'],
    ['bt', '81A300616102 0122F97E00'.replace(' ', '')],
  ])('a time %s that is no number is a fault of its record, for the house as well', (_, hex) => {
    const bytes = Buffer.from(hex, 'hex')
    expect(senmlDecoder.decode({ bytes }).ok).toBe(false)
    expect(parseSenmlCbor(bytes, receivedAtMs)).toMatchObject({ records: [], faults: [{ index: 0 }] })
  })

  test('our extension fields come through under their names', () => {
    // [{n: "a", v: 1, "fwseq": 7, "fwbacklog": true}]
    const hex = '81A4006161020165667773657107696677626163 6B6C6F67F5'.replaceAll(' ', '')
    expect(parseSenmlCbor(Buffer.from(hex, 'hex'), receivedAtMs)).toMatchObject({ sequence: 7, backlog: true })
  })
})

describe('a pack', () => {
  const decode = (json: unknown) => senmlDecoder.decode({ json, receivedAtMs })

  test('with sums: base sum and sum add up', () => {
    expect(
      decode([
        { bn: 'pump', bs: 100, s: 5, bt: 1e9 },
        { n: '-2', s: 1, v: 2 },
      ]),
    ).toEqual(
      accepted({
        resolved: [
          { n: 'pump', t: 1e9, s: 105 },
          { n: 'pump-2', t: 1e9, v: 2, s: 101 },
        ],
      }),
    )
  })

  test('whose times are before now counts from its arrival', () => {
    expect(decode([{ n: 'a', t: -30, v: 1 }]).records).toEqual([
      { resolved: [{ n: 'a', t: receivedAtMs / 1000 - 30, v: 1 }] },
    ])
  })

  test('keeps its good records when one is bad, and says which', () => {
    const decoded = decode([
      { n: 'a', v: 1 },
      { n: 'b', v: 'x' },
    ])
    expect(decoded).toMatchObject({ ok: true, expect: 'accept', error: 'record 1: a value of the wrong kind' })
    expect(decoded.records).toMatchObject([{ resolved: [{ n: 'a' }] }])
  })

  test.each([
    ['a field that must be understood', [{ n: 'a', v: 1, secret_: 1 }]],
    ['a newer version', [{ bver: 11, n: 'a', v: 1 }]],
    ['a value beyond a double', JSON.parse('[{"n":"a","v":1e999}]')],
    ['two values in its only record', [{ n: 'a', v: 1, vs: 'x' }]],
    ['no array', { n: 'a', v: 1 }],
  ])('with %s is refused', (_, json) => {
    expect(decode(json)).toMatchObject({ ok: false, expect: 'reject' })
  })
})
