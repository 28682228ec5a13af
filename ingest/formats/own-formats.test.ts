import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { formatColumns } from '@forewarn/contracts/columns'
import { Command } from '@forewarn/contracts/gateway-messages'
import { expect, test } from 'vitest'
import { openIngest, startMs } from '../open-ingest.ts'

const topic = (channel: string) => `fw/1/jingan/gw-1/${channel}`
const columns = (message: Partial<Parameters<typeof formatColumns>[0]>) =>
  formatColumns({ birth: 7, seq: 1, backlog: false, t: startMs, i: [], d: undefined, v: [], ...message })
const birth = { birth: 7, sensors: ['depth-1', 'gauge-1', 'depth-2', 'stranger'] }

test('columns count in the list of the birth message, also after a restart', async () => {
  const before = await openIngest()
  await before.say(topic('birth'), birth)
  await before.say(topic('columns'), columns({ i: [1, 0], d: [0, -5000], v: [0.2, 0.3] }))
  await using house = await before.restart()
  await house.say(topic('columns'), columns({ t: startMs - 1000, i: [0], v: [0.4], q: [1] }))
  expect(await house.rows()).toMatchObject([
    { sensor: 'gauge-1', value: 0.2, measuredAtMs: startMs, quality: 0 },
    { sensor: 'depth-1', value: 0.3, measuredAtMs: startMs - 5000, quality: 0 },
    { sensor: 'depth-1', value: 0.4, measuredAtMs: startMs - 1000, quality: 1 },
  ])
  expect((await house.quarantine()).counts).toEqual({})
})

test('columns of an unknown birth wait in quarantine, and the gateway is asked for its birth once in ten seconds', async () => {
  await using house = await openIngest()
  await house.say(topic('columns'), columns({ i: [0, 1], v: [0.3, 0] }))
  await house.say(topic('columns'), columns({ i: [0], v: [0.3] }))
  expect((await house.quarantine()).counts).toEqual({ 'unknown-birth': 3 })
  expect(house.down).toMatchObject([{ gateway: 'gw-1', topic: topic('command') }])
  expect(Command.parse(JSON.parse(String(house.down[0]?.payload)))).toMatchObject({ kind: 'rebirth' })
  house.clock.advance(10_000)
  await house.say(topic('columns'), columns({ i: [0], v: [0.3] }))
  expect(house.down.map(({ payload }) => Command.parse(JSON.parse(String(payload))).id)).toHaveLength(2)
  expect(house.down[0]?.payload).not.toBe(house.down[1]?.payload)
})

test.each([
  ['an index that the list does not have', { i: [0, 9], v: [0.3, 1] }, 'bad-columns', 'index 9'],
  ['a text for an index', '{"birth":7,"t":1,"i":[0,"length"],"v":[0.3,1]}', 'bad-columns', 'index length'],
  ['a sensor of another gateway', { i: [0, 2], v: [0.3, 1] }, 'wrong-gateway', 'depth-2'],
  ['a name that is no sensor', { i: [0, 3], v: [0.3, 1] }, 'unknown-sensor', 'stranger'],
  ['a value nature does not know', { i: [0, 1], v: [0.3, 99] }, 'out-of-bounds', '99'],
  ['a quality that is none', { i: [0, 1], v: [0.3, 1], q: [0, 7] }, 'bad-columns', '7 is no quality'],
  ['a text for a value', '{"birth":7,"i":[0,1],"v":[0.3,"1"]}', 'bad-columns', 'no number'],
  ['a text for an offset', '{"birth":7,"t":1,"i":[0,1],"d":[0,"1"],"v":[0.3,1]}', 'bad-columns', 'no number'],
])('%s is kept aside, and the rest of its columns counts', async (_, message, reason, detail) => {
  await using house = await openIngest()
  await house.say(topic('birth'), birth)
  await house.say(topic('columns'), typeof message === 'string' ? message : columns(message))
  expect(await house.rows()).toMatchObject([{ sensor: 'depth-1', value: 0.3 }])
  const found = (await house.quarantine()).newest.find(one => one.reason === reason)
  expect(found).toMatchObject({ kept: false, detail: expect.stringContaining(detail) })
})

test('a reading that failed is kept as missing, and a faulty one whatever its value', async () => {
  await using house = await openIngest()
  await house.say(topic('birth'), birth)
  await house.say(topic('columns'), '{"birth":7,"i":[0,1,0],"d":[0,0,1],"t":0,"v":[null,65535,null],"q":[0,4,2]}')
  expect(await house.rows()).toMatchObject([
    { sensor: 'depth-1', value: Number.NaN, quality: 0x12 },
    { sensor: 'gauge-1', value: 65_535, quality: 0x14 },
    { sensor: 'depth-1', value: Number.NaN, quality: 0x12 },
  ])
})

test('columns that do not line up are refused whole', async () => {
  await using house = await openIngest()
  await house.say(topic('birth'), birth)
  await house.say(topic('columns'), '{"birth":7,"i":[0,1],"v":[0.3]}')
  expect(await house.rows()).toEqual([])
  expect((await house.quarantine()).counts).toEqual({ 'bad-columns': 1 })
})

test('what is packed with Zstandard counts as if it were not', async () => {
  await using house = await openIngest()
  await house.say(topic('birth'), birth)
  const packed = (text: string) => zstdCompressSync(Buffer.from(text))
  await house.say(topic('columns/zstd'), packed(columns({ i: [0], v: [0.3] })))
  await house.say(topic('readings/zstd'), packed('[{"n":"gauge-1","v":0.2}]'))
  expect(await house.rows()).toMatchObject([{ sensor: 'depth-1' }, { sensor: 'gauge-1' }])
})

test.each([
  ['a bomb', zstdCompressSync(Buffer.alloc(64 * 1024 * 1024)), 'too-large'],
  ['a frame cut short', zstdCompressSync(Buffer.from('[{"n":"gauge-1","v":0.2}]')).subarray(0, -8), 'bad-packing'],
  ['no frame at all', Buffer.from('[{"n":"gauge-1","v":0.2}]'), 'bad-packing'],
  ['nothing', Buffer.alloc(0), 'bad-packing'],
])('%s on a packed topic is kept aside', async (_, payload, reason) => {
  await using house = await openIngest()
  await house.say(topic('readings/zstd'), payload)
  expect((await house.quarantine()).counts).toEqual({ [reason]: 1 })
  expect(await house.rows()).toEqual([])
})

test('SenML in CBOR counts as in JSON', async () => {
  await using house = await openIngest()
  // [{0: "depth-1", 2: 0.5}]
  await house.say(topic('readings'), Buffer.from('81a2006764657074682d3102f93800', 'hex'))
  expect(await house.rows()).toMatchObject([{ sensor: 'depth-1', value: 0.5, measuredAtMs: startMs }])
})

test.each([
  ['birth', '{"birth":"seven"}', 'no birth'],
  ['birth', 'hello', 'no birth'],
  ['status', '{"state":"asleep"}', 'no status'],
  ['alarm', '{}', 'no alarm'],
])('on %s, %s is kept aside', async (channel, payload, detail) => {
  await using house = await openIngest()
  await house.say(topic(channel), payload)
  expect((await house.quarantine()).newest).toMatchObject([
    { reason: 'bad-message', detail: expect.stringContaining(detail), original: payload },
  ])
})

test('an empty payload clears a retained birth or status and is no reading', async () => {
  await using house = await openIngest()
  await house.say(topic('birth'), '')
  await house.say(topic('status'), '')
  expect((await house.quarantine()).newest).toEqual([])
})

test('a birth file that a crash or a person spoiled is as good as none', async () => {
  const before = await openIngest()
  await before.say(topic('birth'), birth)
  const file = join(before.dir, 'births', 'gw-1.json')
  expect(readFileSync(file, 'utf8')).toContain('depth-1')
  writeFileSync(file, '{"births":[{')
  await using house = await before.restart()
  await house.say(topic('columns'), columns({ i: [0], v: [0.3] }))
  expect(house.down).toHaveLength(1)
  await house.say(topic('birth'), birth)
  await house.say(topic('columns'), columns({ i: [0], v: [0.3] }))
  expect(await house.rows()).toContainEqual(expect.objectContaining({ sensor: 'depth-1', value: 0.3 }))
})

test('the lists before the newest are remembered for what waits in an outbox', async () => {
  await using house = await openIngest()
  for (const number of [1, 2, 3, 4, 5]) await house.say(topic('birth'), { birth: number, sensors: ['depth-1'] })
  await house.say(topic('columns'), columns({ birth: 2, i: [0], v: [0.3] }))
  await house.say(topic('columns'), columns({ birth: 1, i: [0], v: [0.3] }))
  expect(await house.rows()).toHaveLength(1)
  expect((await house.quarantine()).counts).toEqual({ 'unknown-birth': 1 })
})
