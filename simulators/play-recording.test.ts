import { expect, test } from 'vitest'
import { drillPace } from './drill-pace-fixture.ts'
import { districtForRecording } from './make-district.ts'
import { playRecording } from './play-recording.ts'
import { pushToken, startPushServer } from './push-fixture.ts'
import { readRecording } from './recording.ts'

const speed = 20_000

test('every message of a recording is told by its sensor’s gateway, though some pushes are refused at first', async () => {
  const source = await startPushServer()
  source.refuseNext = 3
  const recording = await readRecording('flat5p-d-056')
  const { district } = districtForRecording(recording, { seed: 1 })
  const clock = drillPace({ startMs: recording.startMs, speed })
  const seen: number[] = []
  const summary = await playRecording({
    recording,
    clock,
    district,
    pushUrl: source.url,
    pushToken,
    onProgress: ({ told }) => seen.push(told),
  })
  expect(summary).toMatchObject({ complete: true, told: recording.messages.length, strangers: 0, failures: 3 })
  expect(seen.at(-1)).toBe(recording.messages.length)
  const gatewayOf = new Map(district.sensors.map(({ id, gateway }) => [id, gateway]))
  expect(source.readings.filter(({ sensor, gateway }) => gatewayOf.get(sensor) !== gateway)).toEqual([])
  const text = ({ sensor, timeMs, value }: { sensor: string; timeMs: number; value: number }) =>
    `${sensor} ${timeMs} ${value}`
  const expected = recording.messages.map(({ sensorId, measuredAtMs, value }) =>
    text({ sensor: sensorId, timeMs: measuredAtMs, value }),
  )
  expect(source.readings.map(text).toSorted()).toEqual(expected.toSorted())
  expect(source.readings.filter(({ backlog }) => backlog)).toEqual([])
  await source.stop()
})

test('a play that begins in the middle tells what came before as history, and nothing that is still to come', async () => {
  const source = await startPushServer()
  const recording = await readRecording('flat5p-d-056')
  const fromMs = recording.startMs + 60 * 60_000
  const ending = new AbortController()
  const played = playRecording({
    recording,
    clock: drillPace({ startMs: fromMs, speed: 60 }),
    pushUrl: source.url,
    pushToken,
    signal: ending.signal,
  })
  await source.until(readings => readings.some(({ backlog }) => !backlog))
  ending.abort()
  expect(await played).toMatchObject({ complete: false })
  const history = source.readings.filter(({ backlog }) => backlog)
  expect(history).toHaveLength(recording.messages.filter(({ arrivesAtMs }) => arrivesAtMs <= fromMs).length)
  expect(Math.max(...source.readings.map(({ timeMs }) => timeMs))).toBeLessThan(fromMs + 10 * 60_000)
  await source.stop()
})
