import { type FireFrame, openFireStream, readFireFrame, writeFireFrame } from '@forewarn/protocols/gb26875/frame'
import { handClock } from '@forewarn/runtime/clock'
import { expect, test } from 'vitest'
import { type Device, startSource } from '../source-fixture.ts'

const t0 = Date.UTC(2026, 10, 22, 12, 30)
/** 20:30:05 in Beijing. */
const time = '051E14160B1A'

const profile = `
source: gb26875
gateway: gw-1
listen: { port: 0 }
transmitters:
  - address: "0000000000ab"
    sensors:
      - { sensor: panel-fire, from: system, sysType: 1, sysAddr: 2, state: fire }
      - { sensor: lobby-smoke, from: part, sysType: 1, sysAddr: 2, partAddr: 7, state: fire }
      - { sensor: lobby-fault, from: part, sysType: 1, sysAddr: 2, partAddr: 7, state: fault }
      - { sensor: main-pressure, from: analog, sysType: 13, sysAddr: 1, partAddr: 9, analogType: 5 }
      - { sensor: box-mains, from: transmitter, state: mains-fault }
      - { sensor: any-fire, from: any-fire }
`

function frame(dataHex: string, change: Partial<FireFrame> = {}): Uint8Array {
  const data = Buffer.from(dataHex.replaceAll(' ', ''), 'hex')
  const head = { serial: 9, version: '1.1', time: '2026-11-22T20:30:05', dest: '000000000001', command: 2 }
  return writeFireFrame({ ...head, source: '0000000000AB', data, ...change })
}

/** One part's state: type 2, 31 bytes of description. */
function part(partAddr: string, state: string): string {
  return `02 01 01 02 28 ${partAddr} ${state} ${'A3C1C7F8'.padEnd(62, '0')} ${time}`
}

/** The next answer of the centre. */
async function answer(device: Device, after = 0): Promise<FireFrame> {
  const bytes = await device.heard(after + 30)
  const read = readFireFrame(bytes.subarray(after, after + 30))
  if ('fault' in read) throw new Error(read.error)
  return read
}

test('states become 0 and 1, values have the unit of their kind, and all of it is confirmed once kept', async () => {
  await using agent = await startSource(profile, { clock: handClock(t0) })
  const device = await agent.device()
  device.send(frame(part('07000000', '0200')))
  expect(await answer(device)).toMatchObject({ serial: 9, command: 3, source: '000000000001', dest: '0000000000AB' })
  device.send(frame(`03 01 0D 01 00 09000000 05 E803 ${time}`))
  device.send(frame(`15 01 08 ${time}`))
  device.send(frame(`01 01 01 02 0100 ${time}`))
  expect(await answer(device, 90)).toMatchObject({ command: 3 })
  expect(agent.taken.map(({ name, value }) => [name, value])).toEqual([
    ['lobby-smoke', 1],
    ['lobby-fault', 0],
    ['any-fire', 1],
    ['main-pressure', 100],
    ['box-mains', 1],
    ['any-fire', 1],
    ['panel-fire', 0],
    ['any-fire', 1],
  ])
  expect(agent.taken[0]).toMatchObject({ timeMs: t0 + 5000, backlog: false, gateway: 'gw-1' })
})

test('one detector going quiet does not clear the fire of another; a reset of the panel does', async () => {
  await using agent = await startSource(profile, { clock: handClock(t0) })
  const device = await agent.device()
  const say = async (data: string, at: number) => {
    device.send(frame(data))
    await answer(device, at * 30)
    return agent.taken.filter(({ name }) => name === 'any-fire').map(({ value }) => value)
  }
  expect(await say(part('07000000', '0200'), 0)).toEqual([1])
  expect(await say(part('08000000', '0200'), 1)).toEqual([1, 1])
  expect(await say(part('07000000', '0100'), 2)).toEqual([1, 1, 1])
  expect(await say(`04 01 01 02 01 05 ${time}`, 3)).toEqual([1, 1, 1, 0])
  // Nobody mapped detector 8: it is told aloud, and kept where a person can look.
  expect(agent.refused).toMatchObject([{ reason: 'unmapped-fire', detail: expect.stringContaining('Ａ区') }])
  expect(agent.source.status().counts).toMatchObject({ unmappedFires: 1, confirmed: 4 })
})

test('what could not be kept is not confirmed, and what cannot be read is denied', async () => {
  await using agent = await startSource(profile, { clock: handClock(t0) })
  const device = await agent.device()
  agent.diskFull = true
  device.send(frame(part('07000000', '0200')))
  device.send(frame('02 01 01'))
  expect(await answer(device)).toMatchObject({ command: 6 })
  agent.diskFull = false
  device.send(frame(part('07000000', '0200'), { serial: 10 }))
  expect(await answer(device, 30)).toMatchObject({ command: 3, serial: 10 })
  expect(agent.taken.map(({ name }) => name)).toContain('lobby-smoke')
  expect(agent.source.status().counts).toMatchObject({ notKept: 1, denied: 1, confirmed: 1 })
})

test('a wrong clock costs no alarm: it counts as of now', async () => {
  await using agent = await startSource(profile, { clock: handClock(t0) })
  const device = await agent.device()
  device.send(frame(`01 01 01 02 0200 000000000000`))
  await answer(device)
  expect(agent.taken[0]).toMatchObject({ name: 'panel-fire', value: 1, timeMs: t0 })
  expect(agent.source.status().counts).toMatchObject({ clockOff: 1 })
})

test('a stranger is not confirmed, and noise before a frame does not hold it up', async () => {
  await using agent = await startSource(profile, { clock: handClock(t0) })
  const device = await agent.device()
  device.send(frame(part('07000000', '0200'), { source: '0000000000CD' }))
  device.send(Buffer.concat([Buffer.from('@@noise@'), frame(`15 01 01 ${time}`)]))
  const confirmed = await answer(device)
  expect(confirmed).toMatchObject({ command: 3, dest: '0000000000AB' })
  expect(agent.refused.map(({ reason }) => reason)).toEqual(['unknown-transmitter', 'no-frame'])
  expect(openFireStream().push(device.received())).toHaveLength(1)
})

test('whoever sends noise without end is cut off', async () => {
  await using agent = await startSource(profile, { clock: handClock(t0) })
  const device = await agent.device()
  device.send(Buffer.alloc(256 * 1024, 'noise '))
  await device.closed
  expect(new Set(agent.refused.map(({ reason }) => reason))).toEqual(new Set(['no-frame']))
  expect(agent.source.status().counts).toMatchObject({ refused: agent.refused.length })
})
