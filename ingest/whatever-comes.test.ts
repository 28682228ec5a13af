import { zstdCompressSync } from 'node:zlib'
import { seededRandom } from '@forewarn/protocols/fuzz'
import { expect, test } from 'vitest'
import { type OpenIngest, openIngest, startMs } from './open-ingest.ts'

const our = (channel: string) => `fw/1/jingan/gw-1/${channel}`
const senml = `[{"bt":${startMs / 1000},"bn":"","n":"depth-1","u":"m","v":0.3,"fwseq":4},{"n":"gauge-1","t":-5,"v":0.2,"fwq":1}]`
const columns = `{"birth":7,"seq":3,"t":${startMs},"i":[0,1],"d":[0,-5],"v":[0.3,0.2],"q":[0,1]}`
const birth = '{"birth":7,"sensors":["depth-1","gauge-1"]}'
const status = '{"state":"online","clockOffsetMs":5,"nextSequence":9,"sentReadings":100}'
const sparkplug = Buffer.from(
  'CNLig7n6MhINCgViZFNlcRABIAhYWBIcChROb2RlIENvbnRyb2wvUmViaXJ0aBACIAtwABIaCgtUZW1wZXJhdHVyZRBkIAppAAAAAACANUAYAA==',
  'base64',
)
const uplink =
  '{"deduplicationId":"x","time":"2026-07-20T14:59:58Z","deviceInfo":{"devEui":"24e124713c140001"},"fPort":85,"data":"AXVkA3cbAA=="}'

/** Messages as they should be, one or more of each format. */
const seeds: readonly (readonly [topic: string, payload: string | Uint8Array])[] = [
  [our('readings'), senml],
  [our('readings'), Buffer.from('81a2006764657074682d3102f93800', 'hex')],
  [our('readings/zstd'), zstdCompressSync(Buffer.from(senml))],
  [our('columns'), columns],
  [our('columns/zstd'), zstdCompressSync(Buffer.from(columns))],
  [our('birth'), birth],
  [our('status'), status],
  [our('alarm'), '{"id":"1","rule":"r","place":"p","hazard":"h","sensor":"s","value":1,"raisedAtMs":1,"outputs":[]}'],
  [our('command'), '{}'],
  ['fw/1/jingan/gw-2/readings', senml],
  ['spBv1.0/plant/NBIRTH/edge-1', sparkplug],
  ['spBv1.0/plant/NDATA/edge-1', Buffer.from('CNLig7n6MhINEGQgCmkAAAAAAAA5QBgB', 'base64')],
  ['spBv1.0/plant/DDATA/edge-1/line', Buffer.from('CNLig7n6MhINEGQgCmkAAAAAAAA5QBgB', 'base64')],
  ['application/1/device/24e124713c140001/event/up', uplink],
  ['zigbee2mqtt/hall/lamp', '{"temperature":20.5,"state":"ON"}'],
  ['zigbee2mqtt/hall/lamp/availability', '{"state":"offline"}'],
  ['tele/yard/SENSOR', '{"Time":"2026-07-20T22:59:38","DS18B20":{"Temperature":19.5}}'],
  ['tele/yard/LWT', 'Offline'],
  ['telegraf/host', `water,host=host-7 level=0.25,pump="on" ${startMs}000000\ntank level=1`],
  ['somewhere/else', 'true'],
]

/** Topics whose messages may come to nothing that is kept: signs of life, births, commands, a host's own. */
const mayBeHeard =
  /\/(alarm|birth|status|availability|LWT|NBIRTH|DBIRTH|NDEATH|DDEATH|NCMD|DCMD|STATE|set|get|bridge)(\/|$)|^tele\//

const awkward = [
  '',
  '/',
  '#',
  '+',
  '\0',
  'fw',
  'fw/1',
  our(''),
  our('readings/lz4'),
  '$SYS/x',
  'a'.repeat(70_000),
  '💧/水',
  'spBv1.0/',
  'tele',
  'zigbee2mqtt/',
]
const pieces = [
  'null',
  'NaN',
  '1e999',
  '-0',
  '{}',
  '[]',
  '"',
  '\\u0000',
  '__proto__',
  '9007199254740993',
  '"n"',
  ',,',
  '\ufeff',
  '水',
  'true',
]

function damaged(seed: Uint8Array, random: () => number): Uint8Array {
  const pick = (below: number) => Math.floor(random() * below)
  const bytes = Buffer.from(seed)
  const way = pick(6)
  if (way === 0) return bytes
  if (way === 1) return bytes.subarray(0, pick(bytes.length + 1))
  if (way === 2) return Buffer.from(Array.from({ length: pick(40) }, () => pick(256)))
  if (way === 3) for (let flips = pick(4) + 1; flips > 0; flips--) bytes[pick(bytes.length)] = pick(256)
  if (way < 4) return bytes
  const at = pick(bytes.length)
  const piece = Buffer.from(pieces[pick(pieces.length)] ?? '')
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(way === 4 ? at : at + pick(8))])
}

/** A quick look; `FOREWARN_FUZZ=100000` for more. */
const rounds = Number(process.env['FOREWARN_FUZZ'] ?? 400)

/** Readings and messages that were kept one way or the other. */
async function kept(house: OpenIngest): Promise<number> {
  const { readingsAccepted = 0, readingsRejected = 0 } = (await house.health()).figures
  return readingsAccepted + readingsRejected
}

test('whatever bytes come on whatever topic: accepted, and then journalled or in quarantine', {
  timeout: 60_000 + rounds * 100,
}, async () => {
  await using house = await openIngest()
  await house.say(our('birth'), birth)
  const random = seededRandom('whatever comes')
  let before = await kept(house)
  for (let round = 0; round < rounds; round++) {
    const [seedTopic, seed] = seeds[Math.floor(random() * seeds.length)] ?? ['', '']
    const topic = random() < 0.1 ? (awkward[Math.floor(random() * awkward.length)] ?? '') : seedTopic
    const payload = damaged(Buffer.from(seed), random)
    const gateway = random() < 0.9 ? 'gw-1' : ['gw-2', 'stranger', '', '../x'][Math.floor(random() * 4)]
    const shown = `${gateway} ${topic.slice(0, 80)} ${payload.toString()} ${Buffer.from(payload).toString('hex')}`
    await house.say(topic, payload, gateway).catch((cause: unknown) => {
      throw new Error(`not accepted: ${shown}`, { cause })
    })
    const after = await kept(house)
    // An empty retained message clears what was retained; an uplink without data only keeps its connection.
    const isEmpty = payload.length === 0 && !topic.startsWith('fw/')
    const isBareUplink = topic.endsWith('/event/up') && !/"data":"[^"]/.test(payload.toString())
    const mayBeNothing = mayBeHeard.test(topic) || isEmpty || isBareUplink
    if (!mayBeNothing) expect(after, shown).toBeGreaterThan(before)
    house.clock.advance(1000)
    before = after
  }
  // It was no walk past the doors: both were gone through.
  expect((await house.rows()).length).toBeGreaterThan(rounds / 20)
  expect(Object.keys((await house.quarantine()).counts).length).toBeGreaterThan(8)
})
