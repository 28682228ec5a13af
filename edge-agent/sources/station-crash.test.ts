import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beijingDigits } from '@forewarn/protocols/beijing-time'
import { readFrame, writeFrame } from '@forewarn/protocols/sl651/frame'
import { freePort } from '@forewarn/runtime/free-port'
import { expect, test } from 'vitest'
import { startTestBroker, type TestBroker, temporaryFolder } from '../broker-fixture.ts'
import { connectDevice, type Device } from './source-fixture.ts'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))
const startMs = Date.UTC(2026, 6, 1)
const confirmationBytes = 25

/** A port that was free a moment ago: every life of the agent listens on the same one. */
/** Settings and profile of an agent with one station. */
function writeSettings({ dir, port, broker }: { dir: string; port: number; broker: TestBroker }): string {
  const profilesDir = join(dir, 'profiles')
  mkdirSync(profilesDir)
  writeFileSync(
    join(profilesDir, 'river.yaml'),
    `source: sl651
gateway: gw-1
listen: { port: ${port} }
stations:
  - { station: "0012345678", sensors: [{ read: Z, sensor: depth-1 }] }
`,
  )
  const file = join(dir, 'settings.json')
  const push = { port: 0, token: 'push-token' }
  const gateways = [{ id: 'gw-1', password: 'p' }]
  const settings = { districtId: 'jingan', gateways, brokerUrl: broker.url, dataDir: dir, profilesDir, push }
  writeFileSync(file, JSON.stringify({ ...settings, batchLingerMs: 0, logLevel: 'silent' }))
  return file
}

/** The report with this number: minute and level tell it apart from all others. */
function report(number: number): Uint8Array {
  const sentMs = startMs + number * 60_000
  const level = String(number).padStart(8, '0')
  const observed = beijingDigits(sentMs).slice(0, 10)
  const body = Buffer.from(`0001${beijingDigits(sentMs)}F1F1001234567848F0F0${observed}3923${level}`, 'hex')
  const station = { center: 1, station: '0012345678', password: '0000', func: '32' } as const
  return writeFrame({ coding: 'hex', direction: 'up', ...station, start: 'STX', end: 'ETX', body })
}

/** Sends reports one after the other, each until it is confirmed; resolves with the next number when the line is cut. */
async function reportUntilCut(device: Device, from: number, onConfirmed: (number: number) => void): Promise<number> {
  for (let number = from, confirmed = 1; ; number++, confirmed++) {
    device.send(report(number))
    const heard = device.heard(confirmed * confirmationBytes).then(bytes => bytes.subarray(-confirmationBytes))
    const answer = await Promise.race([heard, device.closed])
    if (answer === undefined) return number
    expect(readFrame(answer)).toMatchObject({ kind: 'frame', frame: { end: 'EOT' } })
    onConfirmed(number)
  }
}

test('every report that was confirmed to a station reaches the broker, however often the agent is killed', {
  timeout: 120_000,
}, async () => {
  using folder = temporaryFolder()
  const [broker, port] = [await startTestBroker(), await freePort()]
  const settings = writeSettings({ dir: folder.path, port, broker })
  const arrived = () => new Set(broker.packs.flatMap(({ records }) => records.map(({ value }) => value)))
  let next = 0
  for (let life = 0; life < 4; life++) {
    const agent = spawn(process.execPath, [main, settings])
    await once(agent.stdout, 'data')
    const gone = once(agent, 'exit')
    const killAt = next + 5 + life * 7
    // From the second life on nobody acknowledges, so that what is confirmed is on the agent's disk and nowhere else.
    if (life > 0) broker.gate = new Promise(() => {})
    next = await reportUntilCut(await connectDevice(port), next, number => {
      if (number === killAt) agent.kill('SIGKILL')
    })
    await gone
    expect(next).toBeGreaterThan(killAt)
    broker.gate = Promise.resolve()
  }
  const agent = spawn(process.execPath, [main, settings])
  await once(agent.stdout, 'data')
  await broker.until(() => arrived().size >= next)
  for (let number = 0; number < next; number++) expect(arrived().has(number / 1000)).toBe(true)
  const gone = once(agent, 'exit')
  agent.kill('SIGTERM')
  await gone
  await broker.stop()
})
