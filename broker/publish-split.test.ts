import fc from 'fast-check'
import { expect, test } from 'vitest'
import { publishBytes } from './packet-bytes.ts'
import { PublishSplit } from './publish-split.ts'

const own = ['fw/1/jingan/gw-1/readings', 'fw/1/jingan/gw-1/columns'].map(topic => ({
  topic,
  bytes: Buffer.from(topic),
}))

interface Sorted {
  readonly taken: { topic: string; payload: string; packetId: number }[]
  readonly passed: Buffer
}

function sorted(chunks: readonly Buffer[], maxBytes = 100_000): Sorted {
  const split = new PublishSplit({ maxBytes })
  split.own = own
  const taken: Sorted['taken'] = []
  const passed: Buffer[] = []
  for (const chunk of chunks) {
    split.feed(chunk)
    for (let next = split.next(); next !== undefined; next = split.next()) {
      if (next !== 'own') passed.push(Buffer.from(split.takeOther()))
      else {
        const { topic, payload, packetId } = split.takeOwn()
        taken.push({ topic, payload: payload.toString('latin1'), packetId })
      }
    }
  }
  return { taken, passed: Buffer.concat(passed) }
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map(place => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length))
}

const publish = fc.record({
  topic: fc.constantFrom(...own.map(({ topic }) => topic), 'fw/1/jingan/gw-2/readings', 'fw/1/jingan/gw-1/birth', 'a'),
  payload: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(new Uint8Array(20_000).fill(0x30))).map(Buffer.from),
  qos: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
  retain: fc.boolean(),
  dup: fc.boolean(),
  packetId: fc.integer({ min: 1, max: 65_535 }),
})
const otherPacket = fc.constantFrom('c000', 'e000', '40020001', '820800010003612f6201', '620200ff')
const packet = fc.oneof(
  publish.map(fields => ({
    bytes: publishBytes(fields),
    own: own.some(({ topic }) => topic === fields.topic) && fields.qos < 2 && !fields.retain,
    fields,
  })),
  otherPacket.map(hex => ({ bytes: Buffer.from(hex, 'hex'), own: false, fields: undefined })),
)

test('however the bytes are cut, own readings are taken out whole and everything else passes as it came', () => {
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 30 }), (packets, places) => {
      const all = Buffer.concat(packets.map(({ bytes }) => bytes))
      const { taken, passed } = sorted(cut(all, places))
      expect(taken).toEqual(
        packets.flatMap(({ own: isOwn, fields }) =>
          isOwn && fields !== undefined
            ? [
                {
                  topic: fields.topic,
                  payload: fields.payload.toString('latin1'),
                  packetId: fields.qos === 0 ? 0 : fields.packetId,
                },
              ]
            : [],
        ),
      )
      expect(passed.equals(Buffer.concat(packets.filter(one => !one.own).map(({ bytes }) => bytes)))).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('bytes that are no packets pass as they came, but for an end that may still become one', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), chunks => {
      const { taken, passed } = sorted(chunks.map(chunk => Buffer.from(chunk)))
      const all = Buffer.concat(chunks)
      if (taken.length === 0) expect(passed.equals(all.subarray(0, passed.length))).toBe(true)
    }),
  )
})

test('a length that never ends is passed on at once, for others to refuse', () => {
  expect(sorted([Buffer.from('32ffffffff01', 'hex'), Buffer.from('abcd')]).passed.length).toBe(10)
})

test('a packet that is too long is not held back', () => {
  const [{ topic } = { topic: '' }] = own
  const bytes = publishBytes({ topic, payload: Buffer.alloc(5000), qos: 1, retain: false, dup: false, packetId: 1 })
  expect(sorted([bytes.subarray(0, 2000)], 4000).passed.length).toBe(2000)
  expect(sorted([bytes.subarray(0, 2000)], 6000).passed.length).toBe(0)
})

test('packet number 0 and a packet shorter than its topic are for others to refuse', () => {
  const [{ topic } = { topic: '' }] = own
  const zero = publishBytes({ topic, payload: Buffer.from('x'), qos: 1, retain: false, dup: false, packetId: 0 })
  expect(sorted([zero]).passed.equals(zero)).toBe(true)
  const short = Buffer.from([0x32, 4, 0, topic.length, 0x66, 0x77])
  expect(sorted([short]).passed.equals(short)).toBe(true)
})
