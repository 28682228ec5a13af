import { readFrame, writeFrame } from '@forewarn/protocols/sl651/frame'
import { changingFuncs } from '@forewarn/protocols/sl651/functions'
import { handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { expect, test } from 'vitest'
import type { Refusal } from '../source.ts'
import { Sl651Profile } from './profile.ts'
import { Station } from './station.ts'

/** A station on line, and all that is sent to it. */
async function stationOnLine(allow: readonly string[]) {
  const sent: Uint8Array[] = []
  const refused: Refusal[] = []
  const line = { peer: 'test', send: (bytes: Uint8Array) => void sent.push(bytes), close() {} }
  const sensors = [{ read: 'Z', sensor: 'depth-1' }]
  const stations = [{ station: '0012345678', allow, sensors }]
  const [profile] = Sl651Profile.parse({ source: 'sl651', gateway: 'gw-1', listen: { port: 0 }, stations }).stations
  if (profile === undefined) throw new Error('no station')
  const around = {
    clock: handClock(0),
    log: silentLog(),
    take: () => Promise.resolve(),
    refuse: (refusal: Refusal) => void refused.push(refusal),
  }
  const station = new Station({ gateway: 'gw-1', profile, around, count() {} })
  const keepAlive = { center: 1, station: '0012345678', password: '1234', func: '2F' } as const
  const bytes = writeFrame({
    coding: 'hex',
    direction: 'up',
    ...keepAlive,
    start: 'STX',
    end: 'ETX',
    body: new Uint8Array(8),
  })
  const read = readFrame(bytes)
  if (read.kind === 'frame') await station.take(read.frame, bytes, line)
  return { station, sent, refused }
}

test.each([...changingFuncs, 'E5', '32'])('function %s is not sent, whoever asks for it', async func => {
  const { station, sent, refused } = await stationOnLine([])
  station.ask(func, '')
  expect(sent).toEqual([])
  expect(refused).toMatchObject([{ reason: 'not-allowed', detail: expect.stringContaining(`function ${func}`) }])
})

test('of what changes a station only what is allowed by name is sent', async () => {
  const { station, sent, refused } = await stationOnLine(['4C'])
  station.ask('4D', '0101')
  station.ask('4C', '0101')
  expect(sent.map(bytes => readFrame(bytes))).toMatchObject([{ kind: 'frame', frame: { func: '4C', end: 'ENQ' } }])
  expect(refused).toMatchObject([{ reason: 'not-allowed', detail: expect.stringContaining('4D') }])
})

test('a question needs no permission', async () => {
  const { station, sent } = await stationOnLine([])
  station.ask('37', '')
  expect(sent.map(bytes => readFrame(bytes))).toMatchObject([{ kind: 'frame', frame: { func: '37', end: 'ENQ' } }])
})
