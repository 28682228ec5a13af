import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hj212Sum } from '@forewarn/protocols/hj212/frame'
import { liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { expect, test } from 'vitest'
import { startTestBroker, type TestBroker, temporaryFolder } from '../broker-fixture.ts'
import { type EdgeAgent, startEdgeAgent } from '../start.ts'
import { connectDevice } from './source-fixture.ts'

/** A published timed report: PJ 10.0 mm, PT 10.0 mm, Z 14.42 m, VT 12.20 V at 11:00 on 5 December 2014. */
const published = Buffer.from(
  '7E7E02001234567804D232002B020012141205110002F1F1001234567848F0F014120511002019000100261900010039230001442038121220039FE1',
  'hex',
)

const profiles = {
  'river.yaml': `
source: sl651
gateway: gw-1
listen: { port: 0 }
stations:
  - station: "0012345678"
    sensors:
      - { read: Z, sensor: depth-1, unit: m }
      - { read: VT, sensor: battery-1, unit: V }
`,
  'air.yaml': `
source: hj212
gateway: gw-2
listen: { port: 0 }
devices:
  - { mn: "A1", sensors: [{ factor: LA, sensor: noise-1 }] }
`,
}

async function startAgent({ broker, dataDir }: { broker: TestBroker; dataDir: string }): Promise<EdgeAgent> {
  const profilesDir = join(dataDir, 'profiles')
  mkdirSync(profilesDir, { recursive: true })
  for (const [file, text] of Object.entries(profiles)) writeFileSync(join(profilesDir, file), text)
  return await startEdgeAgent({
    districtId: 'jingan',
    gateways: [
      { id: 'gw-1', password: 'p' },
      { id: 'gw-2', password: 'q' },
    ],
    brokerUrl: broker.url,
    dataDir,
    profilesDir,
    clock: liveClock(),
    log: silentLog(),
    metrics: createMetrics(),
    push: { host: '127.0.0.1', port: 0, token: 'push-token' },
  })
}

async function deviceOf(agent: EdgeAgent, file: string) {
  const listensAt = agent.sources().find(status => status.file === file)?.status.listensAt
  return await connectDevice(Number(listensAt?.split(':').at(-1)))
}

/** Each reading once: what was not acknowledged before a cut comes again. */
function arrived(broker: TestBroker) {
  const readings = broker.packs.flatMap(({ gateway, records }) =>
    records.map(({ name, value, quality }) => ({ gateway, name, value, quality })),
  )
  return [...new Map(readings.map(reading => [reading.name, reading])).values()]
}

test('what devices say arrives at the broker under their gateway, also what came while the uplink was cut', async () => {
  using folder = temporaryFolder()
  const broker = await startTestBroker()
  const agent = await startAgent({ broker, dataDir: folder.path })
  const [station, monitor] = [await deviceOf(agent, 'river.yaml'), await deviceOf(agent, 'air.yaml')]
  station.send(published)
  await broker.until(() => arrived(broker).length === 2)
  await broker.cut()
  const data = 'QN=20261122110001000;ST=22;CN=2011;PW=1;MN=A1;Flag=5;CP=&&DataTime=20261122110000;LA-Rtd=0,LA-Flag=B&&'
  monitor.send(`##${String(data.length).padStart(4, '0')}${data}${hj212Sum(Buffer.from(data), 'annex-a')}\r\n`)
  // Answered, so it is on disk although nobody could be told.
  await monitor.heard(1)
  await broker.restore()
  await broker.until(() => arrived(broker).length === 3)
  expect(arrived(broker)).toEqual([
    { gateway: 'gw-1', name: 'depth-1', value: 14.42, quality: 0 },
    { gateway: 'gw-1', name: 'battery-1', value: 12.2, quality: 0 },
    { gateway: 'gw-2', name: 'noise-1', value: Number.NaN, quality: 2 },
  ])
  expect(broker.packs[0]?.records[0]?.timeMs).toBe(Date.UTC(2014, 11, 5, 3, 0))
  await agent.stop()
  await broker.stop()
})

test('what was confirmed to a station is there after the agent was stopped at once', async () => {
  using folder = temporaryFolder()
  const broker = await startTestBroker()
  await broker.cut()
  const agent = await startAgent({ broker, dataDir: folder.path })
  const station = await deviceOf(agent, 'river.yaml')
  station.send(published)
  await station.heard(1)
  await agent.stop()
  await broker.restore()
  const again = await startAgent({ broker, dataDir: folder.path })
  await broker.until(() => arrived(broker).length === 2)
  expect(arrived(broker).map(({ value }) => value)).toEqual([14.42, 12.2])
  await again.stop()
  await broker.stop()
})
