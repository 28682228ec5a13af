import fc from 'fast-check'
import { expect, test } from 'vitest'
import { publishBytes } from '../packet-bytes.ts'
import { PacketReader } from './packet-reader.ts'

const limits = { maxTopicBytes: 100, maxTopicLevels: 10, maxClientIdBytes: 64, maxFilters: 4 }
const roomy = 1_000_000

function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

function packet(first: number, ...body: Buffer[]): Buffer {
  const bytes = Buffer.concat(body)
  expect(bytes.length).toBeLessThan(128)
  return Buffer.concat([Buffer.from([first, bytes.length]), bytes])
}

/** A CONNECT as MQTT 3.1.1 has it; `flags` 2 is a clean session and nothing else. */
function connect({ name = 'MQTT', level = 4, flags = 2, fields = [text('gw-1')] } = {}): Buffer {
  return packet(0x10, text(name), Buffer.from([level, flags, 0, 60]), ...fields)
}

const id = Buffer.from([0, 1])
const message = (topic: string, qos: 0 | 1 | 2 = 1, bytes = 3) =>
  publishBytes({ topic, payload: Buffer.alloc(bytes, 0xff), qos, retain: false, dup: false, packetId: 1 })

/** The first breach in these bytes, read in pieces of `cut`. */
function breachIn(bytes: Buffer, { cut = bytes.length, maxBytes = roomy } = {}): string | undefined {
  const reader = new PacketReader(limits)
  for (let at = 0; at < bytes.length; at += cut) {
    const found = reader.take(bytes.subarray(at, at + cut), maxBytes)
    if (found !== undefined) return found.breach
  }
  return undefined
}

const afterConnect = (bytes: Buffer) => breachIn(Buffer.concat([connect(), bytes]))

test('sound packets pass, however the stream is cut', () => {
  const sizes = fc.array(fc.nat({ max: 300 }), { maxLength: 10 })
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 50 }), fc.constantFrom<0 | 1 | 2>(0, 1, 2), (all, cut, qos) => {
      const others = [
        packet(0x82, id, text('a/+'), Buffer.from([1]), text('#'), Buffer.from([0])),
        packet(0xa2, id, text('a/+')),
        packet(0x40, id),
        packet(0x62, id),
        packet(0xc0),
      ]
      const stream = Buffer.concat([connect(), ...all.map(bytes => message('a/b', qos, bytes)), ...others])
      expect(breachIn(stream, { cut })).toBeUndefined()
    }),
  )
})

test('a breach is found wherever the stream is cut', () => {
  const stream = Buffer.concat([connect(), message('a/b'), message('a\u0001b')])
  for (let cut = 1; cut < stream.length; cut++) expect(breachIn(stream, { cut })).toBe('bad-text')
})

test('a packet beyond the limit is seen at its header, before its body', () => {
  const beginning = Buffer.from([0x10, 0x80, 0x80, 0x80, 0x04])
  expect(breachIn(beginning, { maxBytes: 4096 })).toBe('packet-too-large')
  expect(breachIn(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80]), { maxBytes: roomy })).toBe('malformed-length')
})

test.each([
  ['another protocol', connect({ name: 'HTTP' }), 'unknown-protocol'],
  ['a level that never was', connect({ level: 9 }), 'unknown-protocol-version'],
  ['3.1 under the name of 3.1.1', connect({ level: 3 }), 'unknown-protocol-version'],
  ['the reserved flag (3.1.2-3)', connect({ flags: 3 }), 'malformed-connect'],
  ['a will QoS without a will (3.1.2-13)', connect({ flags: 0x0a }), 'malformed-connect'],
  ['a retained will without a will (3.1.2-15)', connect({ flags: 0x22 }), 'malformed-connect'],
  ['will QoS 3 (3.1.2-14)', connect({ flags: 0x1e, fields: [text('i'), text('t'), text('m')] }), 'malformed-connect'],
  [
    'a password without a user (3.1.2-22)',
    connect({ flags: 0x42, fields: [text('i'), text('p')] }),
    'malformed-connect',
  ],
  ['a user without the flag (3.1.2-18)', connect({ fields: [text('i'), text('u')] }), 'malformed-connect'],
  ['the flag without a user (3.1.2-19)', connect({ flags: 0x82 }), 'malformed-connect'],
  [
    'the flag without a password (3.1.2-21)',
    connect({ flags: 0xc2, fields: [text('i'), text('u')] }),
    'malformed-connect',
  ],
  ['surplus bytes', connect({ fields: [text('i'), Buffer.from([0])] }), 'malformed-connect'],
  ['NUL in the id', connect({ fields: [text('a\0b')] }), 'bad-text'],
  ['half a surrogate in the id', connect({ fields: [text(Buffer.from([0xed, 0xa0, 0x80]))] }), 'bad-text'],
  ['an overlong form in the id', connect({ fields: [text(Buffer.from([0xc0, 0x80]))] }), 'bad-text'],
  ['a control character in the user', connect({ flags: 0x82, fields: [text('i'), text('u\u0085')] }), 'bad-text'],
  ['a will on a filter', connect({ flags: 6, fields: [text('i'), text('a/#'), text('m')] }), 'bad-topic'],
  ['a will without a topic', connect({ flags: 6, fields: [text('i'), text(''), text('m')] }), 'bad-topic'],
  ['an id too long', connect({ fields: [text('x'.repeat(65))] }), 'client-id-too-long'],
  ['nothing but a header', Buffer.from([0x10, 0]), 'malformed-length'],
  ['something else first (3.1.0-1)', packet(0xc0), 'first-packet-is-no-connect'],
])('CONNECT with %s is refused', (_, bytes, breach) => {
  expect(breachIn(bytes)).toBe(breach)
})

test.each([
  ['a second CONNECT (3.1.0-2)', connect(), 'second-connect'],
  ['QoS 3 (3.3.1-4)', packet(0x36, text('a'), id), 'malformed-publish'],
  ['a repeat of QoS 0 (3.3.1-2)', packet(0x38, text('a')), 'malformed-publish'],
  ['a wildcard in a topic (3.3.2-2)', message('a/+'), 'bad-topic'],
  ['an empty topic (4.7.3-1)', message(''), 'bad-topic'],
  ['a topic longer than its packet', Buffer.from([0x30, 3, 0, 9, 0x61]), 'malformed-publish'],
  ['no packet id', packet(0x32, text('a')), 'malformed-publish'],
  ['packet id 0 (2.3.1-1)', packet(0x32, text('a'), Buffer.from([0, 0])), 'packet-id-zero'],
  ['a non-character in a topic', message('a/\uffff'), 'bad-text'],
  ['DEL in a topic', message('a\u007f'), 'bad-text'],
  ['a long topic', message('x'.repeat(101)), 'topic-too-long'],
  ['a deep topic', message('/'.repeat(10)), 'topic-too-long'],
  ['SUBSCRIBE with wrong flags (3.8.1-1)', packet(0x80, id, text('a'), Buffer.from([0])), 'reserved-flags'],
  ['SUBSCRIBE to nothing (3.8.3-3)', packet(0x82, id), 'malformed-subscribe'],
  ['SUBSCRIBE with QoS 3 (3.8.3-4)', packet(0x82, id, text('a'), Buffer.from([3])), 'malformed-subscribe'],
  ['SUBSCRIBE with reserved bits', packet(0x82, id, text('a'), Buffer.from([4])), 'malformed-subscribe'],
  ['SUBSCRIBE without a QoS', packet(0x82, id, text('a')), 'malformed-subscribe'],
  ['SUBSCRIBE with packet id 0', packet(0x82, Buffer.from([0, 0]), text('a'), Buffer.from([0])), 'packet-id-zero'],
  ['SUBSCRIBE to a bad filter (4.7.1-2)', packet(0x82, id, text('a/#/b'), Buffer.from([0])), 'bad-topic'],
  ['SUBSCRIBE to a half wildcard (4.7.1-3)', packet(0x82, id, text('a+'), Buffer.from([0])), 'bad-topic'],
  [
    'SUBSCRIBE to too much at once',
    packet(0x82, id, ...Array.from({ length: 5 }, () => Buffer.concat([text('a'), Buffer.from([0])]))),
    'too-many-filters',
  ],
  ['UNSUBSCRIBE from nothing (3.10.3-2)', packet(0xa2, id), 'malformed-subscribe'],
  ['UNSUBSCRIBE with wrong flags', packet(0xa0, id, text('a')), 'reserved-flags'],
  ['PUBACK too long', packet(0x40, id, id), 'malformed-acknowledgement'],
  ['PUBACK for packet id 0', packet(0x40, Buffer.from([0, 0])), 'packet-id-zero'],
  ['PUBREL with wrong flags (3.6.1-1)', packet(0x60, id), 'reserved-flags'],
  ['PINGREQ with a body', packet(0xc0, id), 'malformed-length'],
  ['DISCONNECT with a body', packet(0xe0, id), 'malformed-length'],
  ['DISCONNECT with flags (3.14.1-1)', Buffer.from([0xe1, 0]), 'reserved-flags'],
  ['a CONNACK', packet(0x20, id), 'not-a-packet-for-a-broker'],
  ['packet type 15', packet(0xf0), 'not-a-packet-for-a-broker'],
])('after CONNECT %s is refused', (_, bytes, breach) => {
  expect(afterConnect(bytes)).toBe(breach)
})

test('a packet of 200 kB that comes byte by byte is read in linear time', () => {
  const filters = Buffer.concat([connect(), Buffer.from([0x82, 0x80, 0x80, 0x0d]), Buffer.alloc(200_000, 1)])
  const reader = new PacketReader(limits)
  let copied = 0
  for (const byte of filters) {
    reader.take(Buffer.from([byte]), roomy)
    copied++
  }
  expect(copied).toBe(filters.length)
})
