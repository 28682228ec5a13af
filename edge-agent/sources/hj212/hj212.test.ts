import { type Hj212Dialect, readHj212, writeHj212 } from '@forewarn/protocols/hj212/frame'
import { handClock } from '@forewarn/runtime/clock'
import { expect, test } from 'vitest'
import { startSource } from '../source-fixture.ts'

const nowMs = Date.UTC(2026, 10, 22, 3, 0, 2)
const measuredMs = Date.UTC(2026, 10, 22, 3, 0)

const profile = `
source: hj212
gateway: gw-air
listen: { port: 0 }
devices:
  - mn: "A1"
    password: "123456"
    sensors:
      - { factor: a34004, sensor: pm-1, unit: ug/m3, never: [-1] }
      - { factor: LA, sensor: noise-1 }
      - { factor: LA, item: Avg, sensor: noise-average-1 }
  - mn: "A2"
    dialect: modbus
    sensors: [{ factor: LA, sensor: noise-2 }]
`

interface Said {
  readonly cn?: string
  readonly mn?: string
  readonly pw?: string
  readonly flag?: string
  readonly numbers?: string
  readonly dialect?: Hj212Dialect
}

function packet(
  parameters: string,
  { cn = '2011', mn = 'A1', pw = '123456', flag = '5', numbers = '', dialect = 'annex-a' }: Said = {},
) {
  const text = `QN=20261122110001000;ST=22;CN=${cn};PW=${pw};MN=${mn};Flag=${flag};${numbers}CP=&&${parameters}&&`
  return writeHj212(text, dialect)
}

const time = 'DataTime=20261122110000;'
const answerBytes = packet('', { cn: '9014' }).length

const start = () => startSource(profile, { clock: handClock(nowMs) })

async function taken(...packets: Uint8Array[]) {
  await using started = await start()
  const device = await started.device()
  for (const bytes of packets) device.send(bytes)
  // Every packet wants an answer, and gets it when it is dealt with.
  await device.heard(packets.length * answerBytes)
  return { taken: started.taken, refused: started.refused }
}

test('values are kept, then answered with 9014 in the device’s own checksum', async () => {
  await using started = await start()
  const device = await started.device()
  device.send(packet(`${time}a34004-Rtd=38.1,a34004-Flag=N;LA-Rtd=52`))
  const answer = readHj212(await device.heard(answerBytes))
  expect(answer).toMatchObject({ kind: 'packet', packet: { dialect: 'annex-a' } })
  expect(answer.kind === 'packet' ? answer.packet.text : '').toBe(
    'QN=20261122110001000;ST=91;CN=9014;PW=123456;MN=A1;Flag=4;CP=&&&&',
  )
  expect(started.taken).toEqual([
    { gateway: 'gw-air', backlog: false, name: 'pm-1', timeMs: measuredMs, value: 38.1, unit: 'ug/m3' },
    { gateway: 'gw-air', backlog: false, name: 'noise-1', timeMs: measuredMs, value: 52 },
  ])
})

test('what the disk refused is not answered', async () => {
  await using started = await start()
  const device = await started.device()
  started.diskFull = true
  device.send(packet(`${time}LA-Rtd=52`))
  device.send(packet('', { cn: '2021' }))
  expect(await device.heard(answerBytes)).toHaveLength(answerBytes)
  expect(started.source.status().counts).toMatchObject({ notKept: 1, answered: 1 })
  expect(started.taken).toEqual([])
})

test('a device that wants no answer gets none; one that asks for the time gets a notice answer', async () => {
  await using started = await start()
  const device = await started.device()
  device.send(packet(`${time}LA-Rtd=52`, { flag: '4' }))
  device.send(packet('QnRtn=1', { cn: '9011' }))
  device.send(packet('', { cn: '1013' }))
  const answer = readHj212(await device.heard(answerBytes))
  expect(answer.kind === 'packet' ? answer.packet.text : '').toContain('CN=9013')
  expect(started.source.status().counts).toMatchObject({ packets: 3, answered: 1 })
})

test.each([
  ['S', 'good'],
  ['D', 'fault'],
  ['M', 'maintenance'],
  ['T', 'suspect'],
])('a value with flag %s travels as %s', async (flag, quality) => {
  const { taken: readings } = await taken(packet(`${time}LA-Rtd=52,LA-Flag=${flag}`))
  expect(readings).toMatchObject([{ name: 'noise-1', value: 52 }])
  expect(readings[0]?.quality ?? 'good').toBe(quality)
})

test('a value without communication to the instrument, or that stands for none, is missing and never a number', async () => {
  const { taken: readings } = await taken(packet(`${time}LA-Rtd=0.0,LA-Flag=B;a34004-Rtd=-1,a34004-Flag=N`))
  expect(readings).toMatchObject([
    { name: 'pm-1', value: Number.NaN, quality: 'missing' },
    { name: 'noise-1', value: Number.NaN, quality: 'missing' },
  ])
})

test('a text where a number should be is refused, and the others are kept', async () => {
  const found = await taken(packet(`${time}LA-Rtd=--,LA-Avg=51;a34004-Rtd=NaN`))
  expect(found.taken).toMatchObject([{ name: 'noise-average-1', value: 51 }])
  expect(found.refused.map(({ reason, detail }) => [reason, detail])).toEqual([
    ['no-number', 'MN A1: a34004-Rtd=NaN'],
    ['no-number', 'MN A1: LA-Rtd=--'],
  ])
})

test('packets behind the first are of the time that the first one said', async () => {
  const { taken: readings } = await taken(
    packet(`DataTime=20261122093000;LA-Rtd=50`, { flag: '7', numbers: 'PNUM=2;PNO=1;' }),
    packet(`a34004-Rtd=20`, { flag: '7', numbers: 'PNUM=2;PNO=2;' }),
  )
  const halfPastNine = Date.UTC(2026, 10, 22, 1, 30)
  expect(readings.map(({ name, timeMs, backlog }) => [name, timeMs, backlog])).toEqual([
    ['noise-1', halfPastNine, true],
    ['pm-1', halfPastNine, true],
  ])
})

test.each([
  ['another checksum than its profile names', packet(`${time}LA-Rtd=52`, { dialect: 'modbus' }), 'wrong-dialect'],
  [
    'the standard’s checksum where the profile names the other',
    packet(`${time}LA-Rtd=52`, { mn: 'A2' }),
    'wrong-dialect',
  ],
  ['an unknown MN', packet(`${time}LA-Rtd=52`, { mn: 'A3' }), 'unknown-device'],
  ['another password', packet(`${time}LA-Rtd=52`, { pw: '000000' }), 'wrong-password'],
  [
    'a damaged value',
    Buffer.from(
      Buffer.from(packet(`${time}LA-Rtd=52`))
        .toString()
        .replace('=52', '=53'),
    ),
    'no-packet',
  ],
])('a packet with %s is refused without an answer', async (_, bytes, reason) => {
  await using started = await start()
  const device = await started.device()
  device.send(bytes)
  device.send(packet('', { cn: '2021' }))
  expect(await device.heard(1)).toHaveLength(answerBytes)
  expect(started.refused).toMatchObject([{ reason }])
  expect(started.taken).toEqual([])
})

test('a line end in a piece of its own is no noise', async () => {
  await using started = await start()
  const device = await started.device()
  const bytes = packet(`${time}LA-Rtd=52`)
  device.send(bytes.subarray(0, -2))
  await device.heard(answerBytes)
  device.send('\r\n \r\n')
  device.send(bytes)
  await device.heard(2 * answerBytes)
  expect(started.refused).toEqual([])
})

test('which checksum fits is counted', async () => {
  await using started = await start()
  const device = await started.device()
  device.send(packet(`${time}LA-Rtd=52`, { mn: 'A2', dialect: 'modbus' }))
  device.send(packet(`${time}LA-Rtd=52`))
  await device.heard(2 * answerBytes)
  expect(started.source.status().counts).toMatchObject({ fitsAnnexA: 1, fitsModbus: 1 })
})
