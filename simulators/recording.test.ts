import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { isPhysical } from '@forewarn/contracts/quantity'
import { afterAll, expect, test } from 'vitest'
import { listEvents, type Recording, readRecording } from './recording.ts'
import { listStorms } from './shipped-storms.ts'

const folder = mkdtempSync(join(tmpdir(), 'forewarn-recordings-'))
afterAll(() => rmSync(folder, { recursive: true }))

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

function rainMm({ messages }: Recording, gauge: string): number {
  return messages.filter(({ sensorId }) => sensorId === gauge).reduce((sum, { value }) => sum + value, 0)
}

test('a clean storm floods its first road 49 minutes in, at the catchment’s own gauges and sensors', async () => {
  const storm = await readRecording('flat5p-d-056')
  expect(storm).toMatchObject({ event: 'flat5p-d-056', catchment: 'flat5p', layout: 'clean' })
  expect(storm.gauges).toEqual(['flat5p-g1.rain', 'flat5p-g2.rain'])
  expect(storm.sites).toHaveLength(12)
  expect(storm.sites.find(({ id }) => id === 'flat5p-04')).toMatchObject({ kind: 'underpass', quantity: 'water_depth' })
  expect(rainMm(storm, 'flat5p-g1.rain')).toBeCloseTo(76.7, 1)
  const onset = storm.messages.find(({ quantity, value }) => quantity !== 'rain' && value >= 0.15)
  expect(onset?.sensorId).toBe('flat5p-02.level')
  expect(onset?.measuredAtMs).toBe(storm.startMs + 50 * 60_000)
  expect(storm.truth?.levelsM.get('flat5p-02')?.[49]).toBeGreaterThanOrEqual(0.15)
})

test('road sensors see nothing below the road, manhole sensors do', async () => {
  const { messages } = await readRecording('steep-d-044')
  const lowest = (quantity: string) =>
    Math.min(...messages.filter(message => message.quantity === quantity).map(({ value }) => value))
  expect(lowest('water_depth')).toBe(0)
  expect(lowest('manhole_level')).toBeLessThan(-1)
})

test('a storm as its sensors told it keeps both times, in order of arrival', async () => {
  const storm = await readRecording('steep-d-018.sensor')
  expect(storm.layout).toBe('sensor')
  expect(storm.truth).toBeUndefined()
  const arrivals = storm.messages.map(({ arrivesAtMs }) => arrivesAtMs)
  expect(arrivals).toEqual(arrivals.toSorted((a, b) => a - b))
  expect(storm.messages.some(({ arrivesAtMs, measuredAtMs }) => arrivesAtMs - measuredAtMs > 600_000)).toBe(true)
  expect(rainMm(storm, 'steep-g1.rain')).toBeGreaterThan(60)
})

test('a flood observed in New York has levels and no rain', async () => {
  const flood = await readRecording('nyc-d-058')
  expect(flood).toMatchObject({ layout: 'observed', gauges: [], catchment: 'nyc' })
  expect(flood.sites).toMatchObject([{ quantity: 'water_depth', kind: 'low-road' }])
  expect(Math.max(...flood.messages.map(({ value }) => value))).toBeCloseTo(0.912)
})

test('every shipped storm can be read and says what its list entry says', async () => {
  for (const entry of listStorms()) {
    const storm = await readRecording(entry.name)
    expect(storm.sites).toHaveLength(entry.sites)
    expect(storm.layout).toBe(entry.layout)
    expect(storm.messages.filter(({ quantity, value }) => !isPhysical(quantity, value))).toEqual([])
    if (entry.layout === 'sensor' || storm.truth === undefined) continue
    const peaks = [...storm.truth.levelsM.values()].map(levels => Math.max(...levels.map(level => level ?? -99)))
    expect(peaks.filter(peak => peak >= 0.15)).toHaveLength(entry.floodedSites)
  }
})

const line = (event: string, more = {}) =>
  JSON.stringify({ event, catchment: 'c', start: '2031-01-01T00:00:00Z', step_s: 60, lvl_mm: { a: [0, 160] }, ...more })

test('one storm of many is chosen by its name, and the first without one', async () => {
  const path = fileOf('two.jsonl.gz', gzipSync(`${line('one')}\n${line('two', { rain_mm_h: [6, null] })}\n`))
  expect((await readRecording(path)).event).toBe('one')
  const two = await readRecording(path, { event: 'two' })
  expect(two.layout).toBe('clean')
  expect(two.messages.filter(({ quantity }) => quantity === 'rain').map(({ value }) => value)).toEqual([0.1, 0.1])
  expect(await listEvents(path)).toEqual(['one', 'two'])
  await expect(readRecording(path, { event: 'three' })).rejects.toThrow('no event three; it has one, two')
})

test.each([
  ['no JSON', `${line('one')}\nnonsense\n`, 'bad-line', /line 2: no JSON/],
  ['a missing field', '{"event":"x"}\n', 'bad-line', /line 1: catchment: /],
  ['text for a level', line('x', { lvl_mm: { a: ['wet'] } }), 'bad-line', /line 1: lvl_mm\.a\.0: /],
  ['nothing', '\n', 'empty', /no storm in it/],
])('a file with %s is refused with file, line and what', async (_what, content, code, message) => {
  const path = fileOf('bad.jsonl', content)
  await expect(readRecording(path, { event: 'x' })).rejects.toMatchObject({ code })
  await expect(readRecording(path, { event: 'x' })).rejects.toThrow(message)
})

test('a broken gzip and a file that is not there are told apart', async () => {
  const cut = gzipSync(Array.from({ length: 50 }, (_, index) => line(`storm-${index}`)).join('\n')).subarray(0, 200)
  await expect(readRecording(fileOf('cut.jsonl.gz', cut), { event: 'x' })).rejects.toMatchObject({
    code: 'not-readable',
  })
  await expect(readRecording('nowhere')).rejects.toMatchObject({ code: 'no-such-file' })
})
