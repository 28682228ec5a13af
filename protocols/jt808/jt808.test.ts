import { expect, test } from 'vitest'
import { readAuthentication, readBatch, readQueriedLocation, readRegistration } from './bodies.ts'
import { jt808Decoder } from './decoder.ts'
import { answerTo, longestTextBytes, registerReply, setParameters, textToDriver, trackClosely } from './down.ts'
import { type Jt808Message, joinPackets, jt808Framer, readMessage, writeMessage } from './frame.ts'
import { readGbk, writeGbk } from './gbk.ts'
import { isFix, locationTimeMs, readLocation } from './location.ts'

const to2013 = { phone: '012345678901', version2019: false, serial: 7 } as const
const to2019 = { phone: '00000000012345678901', version2019: true, protocolVersion: 1, serial: 7 } as const

function hexOf(message: Jt808Message): string {
  return Buffer.from(writeMessage(message)).toString('hex').toUpperCase()
}

/** A location of 28 bytes and what follows. */
function locationBody({ status = 3, latitude = 31.23, time = '261122203000', extras = '' } = {}): Buffer {
  const body = Buffer.alloc(28)
  body.writeUInt32BE(status, 4)
  body.writeUInt32BE(Math.round(latitude * 1e6), 8)
  body.writeUInt32BE(121_470_000, 12)
  body.write(time, 22, 'hex')
  return Buffer.concat([body, Buffer.from(extras, 'hex')])
}

test('what is written is read again, with every byte that needs an escape', () => {
  const body = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  for (const to of [to2013, to2019]) {
    const message: Jt808Message = { msgId: '7E7D', encrypt: 0, ...to, serial: 0x7e7d, body }
    const bytes = writeMessage(message)
    expect(Buffer.from(bytes.subarray(1, -1)).includes(0x7e)).toBe(false)
    const again = readMessage(bytes)
    expect('body' in again && { ...again, body: Uint8Array.from(again.body) }).toEqual(message)
  }
})

test('the answers that the house writes are those of the published frames', () => {
  expect(hexOf(answerTo({ msgId: '0200', serial: 100 }, { ...to2013, phone: '012345678900', serial: 10 }, 0))).toBe(
    '7E80010005012345678900000A0064020000617E',
  )
  const to = { ...to2013, phone: '012345678900', serial: 10 }
  expect(hexOf(registerReply({ serial: 100 }, to, { result: 0, authCode: '123456' }))).toBe(
    '7E81000009012345678900000A006400313233343536687E',
  )
  expect(hexOf(textToDriver({ ...to2013, serial: 0x7fff }, { flag: 9, text: '测试123@456#abc!...结束' }))).toBe(
    '7E830000180123456789017FFF09B2E2CAD43132334034353623616263212E2E2EBDE1CAF8B17E',
  )
})

test('a tracking order says how often and for how long, and ends with nothing more', () => {
  expect(Buffer.from(trackClosely(to2013, { intervalS: 5, durationS: 3600 }).body).toString('hex')).toBe('000500000e10')
  expect(Buffer.from(trackClosely(to2013, { intervalS: 0, durationS: 0 }).body).toString('hex')).toBe('0000')
})

test('parameters are written as double words, text or bytes, each with its length', () => {
  const { body } = setParameters(to2013, [
    { id: 0x29, value: 30 },
    { id: 0x13, value: 'a.cn' },
  ])
  expect(Buffer.from(body).toString('hex')).toBe('0200000029040000001e0000001304612e636e')
})

test('a text for the driver has a kind in the 2019 edition, and is cut at a whole character when too long', () => {
  expect(Buffer.from(textToDriver(to2019, { flag: 5, text: '走' }).body).toString('hex')).toBe('0501d7df')
  const { body } = textToDriver(to2013, { flag: 5, text: '水'.repeat(2000) })
  expect(body.length).toBeLessThanOrEqual(1 + longestTextBytes)
  expect(readGbk(body.subarray(1))).toBe('水'.repeat(Math.floor(longestTextBytes / 2)))
})

test('every character of GBK comes back, and what it does not have becomes a question mark', () => {
  expect(readGbk(writeGbk('下立交积水25厘米，请绕行 A-7'))).toBe('下立交积水25厘米，请绕行 A-7')
  expect(readGbk(writeGbk('水🚒𠮷'))).toBe('水??')
})

test('registration is read in the 2011, 2013 and 2019 editions', () => {
  const plate = Buffer.from(writeGbk('沪A12345'))
  const body = (maker: number, model: number, terminal: number) =>
    Buffer.concat([
      Buffer.from('001F0001', 'hex'),
      Buffer.from('M'.padEnd(maker, '\0')),
      Buffer.from('X1'.padEnd(model, '\0')),
      Buffer.from('T7'.padEnd(terminal, '\0')),
      Uint8Array.of(2),
      plate,
    ])
  const read = { province: 31, city: 1, maker: 'M', model: 'X1', terminalId: 'T7', plateColor: 2, plate: '沪A12345' }
  expect(readRegistration({ body: body(5, 8, 7), version2019: false })).toEqual(read)
  expect(readRegistration({ body: body(5, 20, 7), version2019: false })).toEqual(read)
  expect(readRegistration({ body: body(11, 30, 30), version2019: true })).toEqual(read)
  expect(readRegistration({ body: Buffer.alloc(20), version2019: false })).toBeUndefined()
})

test('authentication of the 2019 edition carries a length, the IMEI and the software', () => {
  const body = Buffer.concat([Uint8Array.of(3), Buffer.from('abc'), Buffer.from('123456789012345'), Buffer.from('v1')])
  expect(readAuthentication({ body, version2019: true })).toEqual({
    authCode: 'abc',
    imei: '123456789012345',
    software: 'v1',
  })
  expect(readAuthentication({ body: body.subarray(0, 6), version2019: true })).toBeUndefined()
})

test('south and west are negative, and no fix is no place on the map', () => {
  const south = readLocation(locationBody({ status: 0b1110 }))
  expect(south).toMatchObject({ latitude: -31.23, longitude: -121.47, positioned: true })
  const noFix = readLocation(locationBody({ status: 1 }))
  expect(noFix && isFix(noFix)).toBe(false)
  const fix = readLocation(locationBody())
  expect(fix && isFix(fix)).toBe(true)
  const swapped = readLocation(locationBody({ latitude: 121.47 }))
  expect(swapped && isFix(swapped)).toBe(false)
})

test('an additional item of a wrong length is shown and not believed', () => {
  expect(readLocation(locationBody({ extras: '010200640104000000640201FF31' }))?.extras).toEqual([
    { id: '01', len: 2, hex: '0064' },
    { id: '01', len: 4, hex: '00000064', mileage_km: 10 },
    { id: '02', len: 1, hex: 'FF' },
  ])
})

test('times are Beijing times, and digits that are no date are no time', () => {
  const at = (time: string) => locationTimeMs(readLocation(locationBody({ time })) ?? { 'timeGMT+8': '' })
  expect(at('261122203000')).toBe(Date.UTC(2026, 10, 22, 12, 30))
  expect(at('000000000000')).toBeUndefined()
  expect(at('260231000000')).toBeUndefined()
})

test('a batch that does not add up is set aside as a whole', () => {
  const item = locationBody()
  const body = Buffer.concat([Buffer.from('000101', 'hex'), Buffer.from('001c', 'hex'), item])
  expect(readBatch(body)).toMatchObject({ count: 1, type: 1, items: [{ latitude: 31.23 }] })
  expect(readBatch(Buffer.concat([body, Uint8Array.of(0)]))).toBeUndefined()
  expect(readBatch(Buffer.concat([Buffer.from('0002', 'hex'), body.subarray(2)]))).toBeUndefined()
  const bytes = writeMessage({ msgId: '0704', encrypt: 0, ...to2013, body: body.subarray(0, -1) })
  expect(jt808Decoder.decode({ bytes })).toMatchObject({ ok: false, expect: 'quarantine' })
})

test('the answer to a position query holds a location', () => {
  const read = readQueriedLocation(Buffer.concat([Buffer.from('0007', 'hex'), locationBody()]))
  expect(read).toMatchObject({ ackSerial: 7, location: { latitude: 31.23 } })
})

test('a message in packets is joined in any order, and only when all are there', () => {
  const packet = (index: number): Jt808Message => {
    return {
      msgId: '0801',
      encrypt: 0,
      ...to2013,
      serial: index,
      packets: { total: 3, index },
      body: Buffer.from([index]),
    }
  }
  const joined = joinPackets([packet(3), packet(1), packet(2)])
  expect('body' in joined && [...joined.body]).toEqual([1, 2, 3])
  expect(joined).not.toHaveProperty('packets')
  expect(joinPackets([packet(1), packet(3)])).toMatchObject({ fault: 'incomplete', error: 'packet 2 of 3 is missing' })
  expect(joinPackets([packet(1), packet(1), packet(2)])).toMatchObject({ fault: 'reject' })
  const bytes = [packet(2), packet(1), packet(3)].map(writeMessage)
  expect(jt808Decoder.decode({ parts: bytes }).records).toMatchObject([{ msgId: '0801', bodyHex: '010203' }])
})

test('messages come out of a stream however it is cut, with noise between them', () => {
  const one = writeMessage(answerTo({ msgId: '0002', serial: 1 }, to2013, 0))
  const two = writeMessage(textToDriver(to2019, { flag: 1, text: '7E7D' }))
  const stream = Buffer.concat([Buffer.from('0d0a', 'hex'), one, two, Buffer.from('ffff', 'hex'), one])
  for (let cut = 1; cut < 9; cut++) {
    const framer = jt808Framer()
    const frames: Uint8Array[] = []
    for (let at = 0; at < stream.length; at += cut) frames.push(...framer.push(stream.subarray(at, at + cut)))
    expect(frames.map(frame => Buffer.from(frame))).toEqual([one, two, one].map(frame => Buffer.from(frame)))
    expect(framer.strayBytes()).toBe(4)
  }
})

test('a stream without an end mark is not held for ever', () => {
  const framer = jt808Framer({ maxBytes: 100 })
  expect(framer.push(Uint8Array.from({ length: 101 }, (_, index) => (index === 0 ? 0x7e : 1)))).toEqual([])
  expect(framer.strayBytes()).toBe(101)
})
