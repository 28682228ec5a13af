import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../broker-fixture.ts'
import { openRefusedBox } from './refused-box.ts'

const clock = handClock(Date.UTC(2026, 10, 22))
const refusal = {
  source: 'a.yaml',
  reason: 'no-frame',
  detail: 'it begins with 00',
  original: Uint8Array.of(0, 1, 255),
}

function open(file: string, fileMaxBytes?: number) {
  const told: string[] = []
  const onRefused = (source: string, reason: string) => told.push(`${source} ${reason}`)
  const box = openRefusedBox({
    file,
    clock,
    log: silentLog(),
    onRefused,
    ...(fileMaxBytes === undefined ? {} : { fileMaxBytes }),
  })
  return { box, told }
}

test('a refusal is counted, and written down with its original', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'deep', 'refused.jsonl')
  const { box, told } = open(file)
  box.put(refusal)
  box.put({ ...refusal, reason: 'no-number', original: 'LA-Rtd=--' })
  await box.close()
  expect(box.counts()).toEqual({ 'no-frame': 1, 'no-number': 1 })
  expect(told).toEqual(['a.yaml no-frame', 'a.yaml no-number'])
  const at = '2026-11-22T00:00:00.000Z'
  const detail = 'it begins with 00'
  expect(
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
  ).toEqual([
    { at, source: 'a.yaml', reason: 'no-frame', detail, hex: '0001FF' },
    { at, source: 'a.yaml', reason: 'no-number', detail, text: 'LA-Rtd=--' },
  ])
})

test('the files stay within their size, and the newest refusals are there', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'refused.jsonl')
  const { box } = open(file, 2000)
  for (let number = 0; number < 200; number++) {
    box.put({ ...refusal, detail: `number ${number}` })
    if (number % 5 === 4) await box.close()
  }
  expect(statSync(file).size).toBeLessThanOrEqual(2000)
  expect(statSync(`${file}.1`).size).toBeLessThanOrEqual(2000)
  expect(readFileSync(file, 'utf8')).toContain('number 199')
  expect(box.counts()).toEqual({ 'no-frame': 200 })
})

test('a flood is counted whole, and written down in part', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'refused.jsonl')
  const { box } = open(file)
  for (let number = 0; number < 5000; number++) box.put(refusal)
  await box.close()
  expect(box.counts()).toEqual({ 'no-frame': 5000 })
  const lines = readFileSync(file, 'utf8').trim().split('\n').length
  expect(lines).toBeGreaterThan(0)
  expect(lines).toBeLessThan(1000)
})

test('a disk that refuses is no reason to fall over', async () => {
  using folder = temporaryFolder()
  writeFileSync(join(folder.path, 'occupied'), '')
  const { box } = open(join(folder.path, 'occupied', 'refused.jsonl'))
  box.put(refusal)
  await box.close()
  expect(box.counts()).toEqual({ 'no-frame': 1 })
})

test('a long original is cut', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'refused.jsonl')
  const { box } = open(file)
  box.put({ ...refusal, original: new Uint8Array(10_000) })
  await box.close()
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ hex: '00'.repeat(4096) })
})
