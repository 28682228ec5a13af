import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { noteRunning } from '@forewarn/deploy/data-dir'
import { keepSecrets } from '@forewarn/deploy/secrets'
import { type InnerServer, startInnerServer } from '@forewarn/runtime/inner-server'
import { afterEach, beforeEach, expect, test } from 'vitest'

const entry = {
  id: '17',
  reason: 'unknown-sensor',
  atMs: Date.UTC(2026, 6, 20, 15),
  gateway: 'gw-1',
  topic: 'fw/1/jingan/gw-1/readings',
  detail: 'sensor gauge-9 is not in the registry',
  original: '[{"n":"gauge-9","v":0.2}]',
  kept: false,
  state: 'waiting',
}

let dataDir = ''
let server: InnerServer
let asked: unknown[] = []
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'quarantine-cli-'))
  asked = []
  const { innerToken } = await keepSecrets(dataDir, ['gw-1'])
  server = await startInnerServer({
    token: innerToken,
    routes(routes) {
      routes.get('/quarantine', () =>
        Promise.resolve({
          counts: { 'unknown-sensor': 1 },
          newest: [entry, { ...entry, id: '16', state: 'released' }],
        }),
      )
      routes.get('/quarantine/17', () => Promise.resolve({ ...entry, encoding: 'text', readings: 1 }))
      routes.post('/quarantine/17/release', request => {
        asked.push(request.body)
        return Promise.resolve({ id: '17', state: 'released', readings: 1 })
      })
      routes.post('/quarantine/18/discard', (_, reply) =>
        reply.code(409).send({ title: 'entry 18 is decided already', status: 409, code: 'decided-already' }),
      )
    },
  })
  const house = { pid: process.pid, districtId: 'jingan', mode: 'exercise', mqttHost: '127.0.0.1', mqttPort: 1 }
  await noteRunning(dataDir, { ...house, consoleUrl: 'http://127.0.0.1:1', ingestUrl: server.url })
})
afterEach(async () => {
  await server.stop()
  await rm(dataDir, { recursive: true })
})

function quarantine(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const main = join(import.meta.dirname, 'main.ts')
  const env = { ...process.env, FOREWARN_DATA_DIR: dataDir }
  return new Promise(resolve => {
    const child = execFile(process.execPath, [main, 'quarantine', ...args], { env }, (_, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    )
  })
}

test('what waits is listed, and one entry is shown whole', async () => {
  const [list, show] = await Promise.all([quarantine('list', '--waiting'), quarantine('show', '17')])
  expect(list.out).toMatch(/17 +2026-07-20T15:00:00 +waiting +unknown-sensor +gw-1/)
  expect(list.out).not.toContain('released')
  expect(show.out.trimEnd().endsWith(entry.original)).toBe(true)
})

test('a release says who, what is renamed, and the payload as it should have been', async () => {
  await writeFile(join(dataDir, 'payload'), '[{"n":"x=y","v":1}]')
  const { code, out } = await quarantine(
    ...['release', '17', '--rename', 'gauge-9=gauge-1', '--rename', 'x=y=gauge-2', '--note', 'renamed'],
    ...['--payload-file', join(dataDir, 'payload')],
  )
  expect([code, out]).toEqual([0, 'entry 17 is released: 1 readings\n'])
  expect(asked).toEqual([
    {
      by: userInfo().username,
      note: 'renamed',
      rename: { 'gauge-9': 'gauge-1', 'x=y': 'gauge-2' },
      payload: Buffer.from('[{"n":"x=y","v":1}]').toString('base64'),
      encoding: 'base64',
    },
  ])
})

test('what the house refuses is said in its words and ends with 1, a wrong rename with 2', async () => {
  const [refused, wrong] = await Promise.all([
    quarantine('discard', '18', '--by', 'Li Wei'),
    quarantine('release', '17', '--rename', 'gauge-9'),
  ])
  expect([refused.code, refused.err]).toEqual([1, 'entry 18 is decided already\n'])
  expect(wrong.code).toBe(2)
  expect(wrong.err).toContain('gauge-9=gauge-1')
})
