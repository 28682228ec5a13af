import { expect, test } from 'vitest'
import type { StreamItem } from '../frame-stream.ts'
import { gb26875Decoder } from './decoder.ts'
import { answerFrame, type FireFrame, openFireStream, readFireFrame, writeFireFrame } from './frame.ts'
import { analogValue, readUnit } from './objects.ts'

const fire: FireFrame = {
  serial: 0x1234,
  version: '1.3',
  time: '2026-11-22T20:30:05',
  source: '00000000AB01',
  dest: '000000000007',
  command: 2,
  data: Buffer.from('010101010200051E14160B1A', 'hex'),
}

function unitOf(hex: string) {
  return readUnit(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
}

test('what is written is read again', () => {
  const again = readFireFrame(writeFireFrame(fire))
  expect('data' in again && { ...again, data: Buffer.from(again.data) }).toEqual({
    ...fire,
    data: Buffer.from(fire.data),
  })
})

test('a confirmation repeats the serial number and swaps the addresses', () => {
  const answer = answerFrame(fire, { verdict: 'confirm', time: '2026-11-22T20:30:06' })
  const { records } = gb26875Decoder.decode({ bytes: writeFireFrame(answer) })
  expect(records).toEqual([
    {
      serial: 0x1234,
      version: '1.3',
      time: '2026-11-22T20:30:06',
      source: '000000000007',
      dest: '00000000AB01',
      appLen: 0,
      command: 3,
    },
  ])
  expect(answerFrame(fire, { verdict: 'deny', time: fire.time })).toMatchObject({ command: 6 })
})

test('a wrong sum is refused, a right one with a wrong length set aside, a cut frame waited for', () => {
  const bytes = Buffer.from(writeFireFrame(fire))
  const verdict = (changed: Uint8Array) => gb26875Decoder.decode({ bytes: changed }).expect
  const wrongSum = Buffer.from(bytes)
  wrongSum.writeUInt8((wrongSum.at(-3) ?? 0) ^ 1, bytes.length - 3)
  expect(verdict(wrongSum)).toBe('reject')
  const wrongLength = Buffer.from(bytes)
  wrongLength.writeUInt16LE(11, 24)
  wrongLength.writeUInt8(((bytes.at(-3) ?? 0) + 255) & 0xff, bytes.length - 3)
  expect(verdict(wrongLength)).toBe('quarantine')
  for (const cut of [1, 2, 20, bytes.length - 1]) expect(verdict(bytes.subarray(0, cut))).toBe('incomplete')
  expect(verdict(Buffer.concat([bytes, Buffer.of(0)]))).toBe('reject')
})

test('objects that are more or fewer than their count are set aside', () => {
  const short = writeFireFrame({ ...fire, data: fire.data.subarray(0, -1) })
  expect(gb26875Decoder.decode({ bytes: short }).expect).toBe('quarantine')
  expect(unitOf('15 02 01 05 1E 14 16 0B 1A')).toBeUndefined()
})

test.each([
  ['15 01 02 05 1E 14 16 0B 1A', { stateBits: [1], time: '2026-11-22T20:30:05' }],
  ['05 01 01 02 03 04', { sysType: 1, sysAddr: 2, version: '3.4' }],
  ['06 01 01 02 04 BB F0 BE AF', { sysType: 1, sysAddr: 2, text: '火警' }],
  ['08 01 01 02 05 1E 14 16 0B 1A', { sysType: 1, sysAddr: 2, time: '2026-11-22T20:30:05' }],
  ['19 01 02 01', { version: '2.1' }],
  ['1A 01 02 41 42', { text: 'AB' }],
  ['1C 01 05 1E 14 16 0B 1A', { time: '2026-11-22T20:30:05' }],
  ['3E 01 01 02 28 01 00 00 00', { sysType: 1, sysAddr: 2, partType: 40, partAddr: 1 }],
  ['40 01 01 02 09 05 1E 14 16 0B 1A', { sysType: 1, sysAddr: 2, recordCount: 9, fromTime: '2026-11-22T20:30:05' }],
  ['59 01 00', { hex: '00' }],
  ['5A 01 05 1E 14 16 0B 1A', { time: '2026-11-22T20:30:05' }],
  ['5B 01 0A', { timeoutMin: 10 }],
])('%s is read by its table', (hex, object) => {
  expect(unitOf(hex)?.objects).toEqual([object])
})

test('an analogue value has the unit and the step of its kind, below zero too', () => {
  expect(analogValue({ analogType: 3, analogRaw: 217 })).toEqual({ value: 21.7, unit: 'Cel' })
  expect(analogValue({ analogType: 2, analogRaw: 25 })).toEqual({ value: 0.25, unit: 'm' })
  expect(analogValue({ analogType: 200, analogRaw: 25 })).toBeUndefined()
  const cold = unitOf('03 01 01 02 28 01 00 00 00 03 9C FF 05 1E 14 16 0B 1A')?.objects[0]
  expect(cold && analogValue(cold)).toEqual({ value: -10, unit: 'Cel' })
})

test('frames come out of a stream however it is cut, with noise between them', () => {
  const one = Buffer.from(writeFireFrame(fire))
  const pieces = [Buffer.from('@x@'), one, Buffer.from('@@@'), one, one, Buffer.from('@')]
  const stream = Buffer.concat(pieces)
  for (let cut = 1; cut < 50; cut += 7) {
    const frames = openFireStream()
    const items: StreamItem<FireFrame>[] = []
    for (let at = 0; at < stream.length; at += cut) items.push(...frames.push(stream.subarray(at, at + cut)))
    items.push(...frames.giveUp())
    const read = items.filter(({ kind }) => kind === 'frame')
    expect(read.map(({ bytes }) => Buffer.from(bytes))).toEqual([one, one, one])
    const junk = items.filter(({ kind }) => kind === 'junk').reduce((sum, { bytes }) => sum + bytes.length, 0)
    expect(junk).toBe(7)
  }
})

test('a damaged length does not hold up the alarm behind it', () => {
  const one = Buffer.from(writeFireFrame(fire))
  const damaged = Buffer.from(one)
  damaged.writeUInt16LE(1000, 24)
  expect(
    openFireStream()
      .push(Buffer.concat([damaged, one]))
      .map(({ kind }) => kind),
  ).toEqual(['junk', 'frame'])
})
