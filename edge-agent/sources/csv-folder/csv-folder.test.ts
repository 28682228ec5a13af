import { appendFileSync, copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeGbk } from '@forewarn/protocols/jt808/gbk'
import { handClock } from '@forewarn/runtime/clock'
import { expect, onTestFinished, test } from 'vitest'
import { type StartedSource, startSource } from '../source-fixture.ts'
import { timeReader } from './row-time.ts'
import { fieldsOf } from './rows.ts'

/** A machine that runs many tests at once takes its time. */
function eventually<T>(look: () => T) {
  return expect.poll(look, { timeout: 20_000 })
}

const t0 = Date.UTC(2026, 10, 22, 12)

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'forewarn-csv-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

async function started(folder: string, change: object = {}, clock = handClock(t0)) {
  const profile = {
    source: 'csv-folder',
    gateway: 'gw-1',
    folder,
    time: { column: 'time', zone: 'Asia/Shanghai' },
    sensors: [{ sensor: 'depth', column: 'cm', scale: 0.01, unit: 'm' }],
    ...change,
  }
  const agent = await startSource(JSON.stringify(profile), { clock })
  onTestFinished(() => agent.source.stop())
  await looked(agent)
  return {
    agent,
    clock,
    async look(afterMs = 10_000) {
      const before = agent.source.status().counts['looks'] ?? 0
      clock.advance(afterMs)
      await eventually(() => agent.source.status().counts['looks']).toBeGreaterThan(before)
    },
  }
}

async function looked({ source }: StartedSource): Promise<void> {
  await eventually(() => source.status().counts['looks']).toBe(1)
}

const values = ({ taken }: StartedSource) => taken.map(({ value }) => value)

test('rows become readings with their own time, and what is added is read on', async () => {
  const folder = newFolder()
  const file = join(folder, 'a.csv')
  writeFileSync(file, 'time,cm\n2026-11-22 19:59:00,12\n2026-11-22 19:00:00,11\n2026-11-22 20:00')
  const { agent, look } = await started(folder)
  expect(agent.taken).toEqual([
    { gateway: 'gw-1', backlog: false, name: 'depth', value: 0.12, unit: 'm', timeMs: t0 - 60_000 },
    { gateway: 'gw-1', backlog: true, name: 'depth', value: 0.11, unit: 'm', timeMs: t0 - 3_600_000 },
  ])
  appendFileSync(file, ':00,13\n')
  await look()
  expect(values(agent)).toEqual([0.12, 0.11, 0.13])
  expect(agent.source.status()).toMatchObject({ state: 'running', counts: { rows: 3, readings: 3, files: 1 } })
})

test('each row once: over a restart, a rename, a rotation and a copy; written anew it is another file', async () => {
  const folder = newFolder()
  const file = join(folder, 'a.csv')
  writeFileSync(file, 'time,cm\n2026-11-22 20:00:00,1\n2026-11-22 20:01:00,2\n')
  const first = await started(folder)
  expect(values(first.agent)).toEqual([0.01, 0.02])
  await first.agent.source.stop()
  appendFileSync(file, '2026-11-22 20:02:00,3\n')
  renameSync(file, join(folder, 'a-1.csv'))
  writeFileSync(file, 'time,cm\n2026-11-22 20:03:00,4\n')
  const second = await started(folder)
  expect(values(second.agent).toSorted()).toEqual([0.03, 0.04])
  copyFileSync(join(folder, 'a-1.csv'), join(folder, 'b.csv'))
  writeFileSync(file, 'time,cm\n2026-11-22 20:04:00,5\n2026-11-22 20:05:00,6\n')
  await second.look()
  expect(values(second.agent).toSorted()).toEqual([0.03, 0.04, 0.05, 0.06])
})

test('a bad row is refused with its file and line, and the others count', async () => {
  const folder = newFolder()
  writeFileSync(
    join(folder, 'a.csv'),
    [
      'time,cm',
      '2026-11-22 20:00:00,abc',
      'yesterday,3',
      '2026-11-22 20:00:00',
      '2026-11-22 20:01:00,',
      '2026-11-22 20:02:00,9',
      '',
    ].join('\r\n'),
  )
  const { agent } = await started(folder)
  expect(values(agent)).toEqual([0.09])
  expect(agent.refused.map(({ detail }) => detail)).toEqual([
    'a.csv, line 2: "abc" in column cm is no number',
    'a.csv, line 3: "yesterday" is no time',
    'a.csv, line 4: there is no column cm in this row',
  ])
  expect(agent.source.status().counts).toMatchObject({ 'bad-rows': 3, 'empty-cells': 1 })
})

test('what could not be kept is read again, and nothing is passed over', async () => {
  const folder = newFolder()
  const { agent, look } = await started(folder)
  agent.diskFull = true
  writeFileSync(join(folder, 'a.csv'), 'time,cm\n2026-11-22 20:00:00,1\n')
  await look()
  expect(agent.taken).toEqual([])
  expect(agent.source.status()).toMatchObject({ state: 'troubled', trouble: expect.stringContaining('no space left') })
  agent.diskFull = false
  await look()
  expect(values(agent)).toEqual([0.01])
  expect(agent.source.status().state).toBe('running')
})

test('a last line without an end counts after a while', async () => {
  const folder = newFolder()
  writeFileSync(join(folder, 'a.csv'), 'time,cm\n2026-11-22 20:00:00,1')
  const { agent, look } = await started(folder)
  expect(agent.taken).toEqual([])
  await look(70_000)
  expect(values(agent)).toEqual([0.01])
})

test('a file of one sensor per row, without header, in another zone, coding and way of writing numbers', async () => {
  const folder = newFolder()
  writeFileSync(join(folder, 'log.txt'), writeGbk('22.11.2026;13:00:00;雨量;1,5\n22.11.2026;13:01:00;水位;2\n'))
  const { agent } = await started(folder, {
    files: '*.txt',
    separator: ';',
    encoding: 'gb18030',
    header: false,
    decimalComma: true,
    time: { column: [1, 2], format: 'DD.MM.YYYY HH:mm:ss', zone: 'Europe/Berlin' },
    sensors: [
      { sensor: 'rain', column: 4, when: { column: 3, is: '雨量' } },
      { sensor: 'level', column: 4, when: { column: 3, is: '水位' } },
    ],
  })
  expect(agent.taken).toMatchObject([
    { name: 'rain', value: 1.5, timeMs: t0 },
    { name: 'level', value: 2, timeMs: t0 + 60_000 },
  ])
})

test('a missing column is said with the columns that are there', async () => {
  const folder = newFolder()
  writeFileSync(join(folder, 'a.csv'), 'zeit,cm\n1,2\n')
  const { agent } = await started(folder)
  expect(agent.source.status().trouble).toBe('a.csv: there is no column time; there are zeit, cm')
})

test('a file larger than a piece is read whole', async () => {
  const folder = newFolder()
  const rows = Array.from({ length: 20_000 }, (_, index) => `${t0 / 1000 - index},${index}`)
  writeFileSync(join(folder, 'big.csv'), `time,cm\n${rows.join('\n')}\n`)
  const { agent } = await started(folder, { time: { column: 'time', format: 'unix-s', zone: 'UTC' } })
  expect(new Set(agent.taken.map(({ timeMs }) => timeMs)).size).toBe(20_000)
  expect(agent.taken).toHaveLength(20_000)
})

test.each([
  ['iso', 'Asia/Shanghai', '2026-11-22T20:00:00', t0],
  ['iso', 'Asia/Shanghai', '2026/11/22 20:00', t0],
  ['iso', 'Asia/Shanghai', '2026-11-22T12:00:00.25Z', t0 + 250],
  ['iso', 'Asia/Shanghai', '2026-11-22T14:30:00+02:30', t0],
  ['iso', 'Asia/Shanghai', '2026-11-22', t0 - 20 * 3_600_000],
  ['iso', 'Asia/Shanghai', '2026-02-30 20:00', undefined],
  ['iso', 'Europe/Berlin', '2026-07-01 14:00', Date.UTC(2026, 6, 1, 12)],
  ['iso', 'America/New_York', '2026-03-08 03:30', Date.UTC(2026, 2, 8, 7, 30)],
  ['unix-s', 'UTC', String(t0 / 1000), t0],
  ['unix-ms', 'UTC', String(t0), t0],
  ['unix-s', 'UTC', 'x', undefined],
  ['YYYYMMDD HHmm', 'UTC', '20261122 1200', t0],
  ['DD.MM.YYYY', 'UTC', '1.11.2026', Date.UTC(2026, 10, 1)],
  ['DD.MM.YYYY HH:mm', 'UTC', '31.11.2026 10:00', undefined],
])('%s in %s: %s', (format, zone, text, utcMs) => {
  expect(timeReader({ format, zone })(text)).toBe(utcMs)
})

test('a quoted field may hold the separator and quotes', () => {
  expect(fieldsOf('a, "b, ""c""",d', ',')).toEqual(['a', 'b, "c"', 'd'])
})
