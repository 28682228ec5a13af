import { describe, expect, test } from 'vitest'
import { hj212Decoder } from './decoder.ts'
import { readHj212, writeHj212 } from './frame.ts'
import { answerHj212, hj212Time, mergeHj212, qualityOfFlag, readFlag, readHj212Message } from './message.ts'

const opening = 'QN=20261122083000000;ST=22;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=5;'
const text = `${opening}CP=&&DataTime=20261122083000;a34004-Rtd=38.1,a34004-Flag=N;LA-Rtd=52,LA-Flag=D&&`

function decode(packet: Uint8Array) {
  return hj212Decoder.decode({ bytes: packet })
}

describe('packets', () => {
  test('a packet with its line end is read', () => {
    expect(decode(writeHj212(text, 'annex-a'))).toMatchObject({
      expect: 'accept',
      records: [{ CN: '2011', CP: { DataTime: '20261122083000' }, factors: { LA: { Rtd: '52', Flag: 'D' } } }],
    })
  })

  test('the checksum of MODBUS is right only for a device whose profile says so', () => {
    expect(decode(writeHj212(text, 'modbus'))).toMatchObject({ ok: true, expect: 'accept-if-device-dialect-modbus' })
  })

  test('hex digits of the checksum may be small', () => {
    const packet = Buffer.from(writeHj212(text, 'annex-a')).toString().toLowerCase()
    const small = Buffer.from(writeHj212(text, 'annex-a')).toString().slice(0, -6) + packet.slice(-6)
    expect(hj212Decoder.decode({ text: small }).expect).toBe('accept')
  })

  test('every shorter part of a packet waits for more', () => {
    const whole = writeHj212(text, 'annex-a')
    for (let length = 0; length < whole.length - 2; length++) {
      expect(decode(whole.subarray(0, length)).expect).toBe('incomplete')
    }
  })

  test.each([-1, 1, 7])('a length that is %i off goes to a person', off => {
    const whole = Buffer.from(writeHj212(text, 'annex-a')).toString()
    const length = String(Number(whole.slice(2, 6)) + off).padStart(4, '0')
    expect(hj212Decoder.decode({ text: `##${length}${whole.slice(6)}` }).expect).toBe('quarantine')
    expect(hj212Decoder.decode({ text: `##${length}${whole.slice(6).trimEnd()}` }).expect).toBe('quarantine')
  })

  test('a length may count characters where the text is Chinese', () => {
    const chinese = text.replace('LA-Rtd=52', 'Info=水位过高')
    const bytes = Buffer.from(writeHj212(chinese, 'annex-a')).toString()
    const counted = `##${String(chinese.length).padStart(4, '0')}${bytes.slice(6)}`
    expect(chinese.length).toBeLessThan(Buffer.byteLength(chinese))
    expect(hj212Decoder.decode({ text: bytes })).toMatchObject({ ok: true, records: [{ CP: { Info: '水位过高' } }] })
    expect(hj212Decoder.decode({ text: counted })).toMatchObject({ ok: true, records: [{ CP: { Info: '水位过高' } }] })
  })

  test.each([
    ['another lead', (packet: string) => `#!${packet.slice(2)}`],
    ['a length that is no number', (packet: string) => `##01x1${packet.slice(6)}`],
    ['another value', (packet: string) => packet.replace('38.1', '39.1')],
    ['a checksum that is no hex', (packet: string) => `${packet.slice(0, -6)}&&?A\r\n`],
  ])('%s is refused', (_, damage) => {
    const packet = damage(Buffer.from(writeHj212(text, 'annex-a')).toString())
    expect(hj212Decoder.decode({ text: packet }).expect).toBe('reject')
  })

  test('several packets in one piece are all read', () => {
    const one = Buffer.from(writeHj212(text, 'annex-a')).toString()
    expect(hj212Decoder.decode({ text: one + one }).records).toHaveLength(3)
  })
})

describe('what a packet says', () => {
  test('the style of 2005 has neither QN nor Flag', () => {
    const message = readHj212Message('ST=32;CN=2011;PW=123456;MN=1;CP=&&DataTime=20160824003817;B01-Rtd=36.91&&')
    expect(message).toEqual({
      ST: '32',
      CN: '2011',
      PW: '123456',
      MN: '1',
      CP: { DataTime: '20160824003817' },
      factors: { B01: { Rtd: '36.91' } },
    })
    expect(readFlag(message.Flag)).toEqual({ edition: 0, split: false, answerWanted: false })
  })

  test.each([
    ['no parameters at all', 'CN=1', {}, {}],
    ['empty parameters', 'CN=1;CP=&&&&', {}, {}],
    ['a comma where a semicolon should be', 'CN=1;CP=&&BeginTime=1,EndTime=2&&', { BeginTime: '1', EndTime: '2' }, {}],
    ['a key that comes twice', 'CN=1;CP=&&a-Rtd=1;a-Rtd=2&&', {}, { a: { Rtd: '2' } }],
    ['a value with an equals sign', 'CN=1;CP=&&Info=a=b&&', { Info: 'a=b' }, {}],
    [
      'a key that the language knows',
      'CN=1;CP=&&__proto__-Rtd=1;constructor=2&&',
      { constructor: '2' },
      { ['__proto__']: { Rtd: '1' } },
    ],
  ])('%s', (_, data, parameters, factors) => {
    const message = readHj212Message(data)
    expect(Object.entries(message.CP)).toEqual(Object.entries(parameters))
    expect(JSON.stringify(message.factors)).toEqual(JSON.stringify(factors))
  })

  test.each([
    ['5', { edition: 1, split: false, answerWanted: true }],
    ['7', { edition: 1, split: true, answerWanted: true }],
    ['4', { edition: 1, split: false, answerWanted: false }],
    ['3', { edition: 0, split: true, answerWanted: true }],
    ['x', { edition: 0, split: false, answerWanted: false }],
  ])('Flag %s', (flag, meaning) => {
    expect(readFlag(flag)).toEqual(meaning)
  })

  test.each([
    ['N', 'good'],
    ['S', 'good'],
    [undefined, 'good'],
    ['D', 'fault'],
    ['d', 'fault'],
    ['F', 'fault'],
    ['M', 'maintenance'],
    ['C', 'maintenance'],
    ['T', 'suspect'],
    ['B', 'missing'],
    ['?', 'suspect'],
  ])('data flag %s is of quality %s', (flag, quality) => {
    expect(qualityOfFlag(flag)).toBe(quality)
  })

  test.each([
    ['DataTime with sixteen digits', { DataTime: '2021101112360000' }, '20210101000000000', 2021],
    ['QN where DataTime is none', { DataTime: '20211301000000' }, '20260101000000', 2026],
    ['QN without milliseconds', {}, '20260101000000', 2026],
  ])('the time is taken from %s', (_, CP, QN, year) => {
    expect(hj212Time({ QN, CP, factors: {} })?.year).toBe(year)
  })

  test('packets of one message become one', () => {
    const part = (number: number, parameters: string) =>
      readHj212Message(`${opening.replace('Flag=5', 'Flag=7')}PNUM=2;PNO=${number};CP=&&${parameters}&&`)
    const whole = mergeHj212([part(2, 'LA-Rtd=52,b-Max=2'), part(1, 'DataTime=20261122083000;b-Min=1')])
    expect(whole).toMatchObject({ PNO: '1', CP: { DataTime: '20261122083000' } })
    expect(whole?.factors).toEqual({ LA: { Rtd: '52' }, b: { Min: '1', Max: '2' } })
  })
})

test.each([
  [{ cn: '9011', qnRtn: 1 } as const, 'CN=9011', 'CP=&&QnRtn=1&&'],
  [{ cn: '9012', exeRtn: 1 } as const, 'CN=9012', 'CP=&&ExeRtn=1&&'],
  [{ cn: '9013' } as const, 'CN=9013', 'CP=&&&&'],
  [{ cn: '9014' } as const, 'CN=9014', 'CP=&&&&'],
])('the answer $cn carries the question’s number and asks for nothing', (answer, cn, parameters) => {
  const read = readHj212(answerHj212(readHj212Message(text), answer, 'modbus'))
  expect(read).toMatchObject({ kind: 'packet', packet: { dialect: 'modbus' } })
  const said = read.kind === 'packet' ? read.packet.text : ''
  expect(said).toBe(`QN=20261122083000000;ST=91;${cn};PW=123456;MN=010000A8900016F000169DC0;Flag=4;${parameters}`)
})
