import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type HandClock, handClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { expect, test } from 'vitest'
import { temporaryFolder } from './broker-fixture.ts'
import { type Configuration, openConfiguration, type RemoteSettings } from './configuration.ts'

const startMs = Date.UTC(2026, 6, 1)
const minuteMs = 60_000

/** A gateway that runs on whatever it is given, except on a linger of 13 ms. */
async function live(dir: string, { clock = handClock(startMs) }: { clock?: HandClock } = {}) {
  const runsOn: RemoteSettings[] = []
  const configuration = await openConfiguration({
    ...{ dir, clock, log: silentLog(), trialMs: 5 * minuteMs, onChanged: () => {} },
    apply: async settings => {
      if (settings.batchLingerMs === 13) throw new Error('unlucky')
      runsOn.push(settings)
    },
  })
  return { configuration, runsOn, clock }
}

/** Moves on and waits until what fell due has been done. */
async function pass(minutes: number, { clock, configuration }: { clock: HandClock; configuration: Configuration }) {
  for (let ten = 0; ten < minutes * 6; ten++) {
    clock.advance(10_000)
    // A configuration that changes nothing waits for the turns before it.
    await configuration.offer({ version: configuration.status().configuration ?? -1, settings: { unknown: 1 } })
  }
}

const columns = { version: 7, settings: { format: 'columns' } }

test('a version that keeps its uplink through the trial is confirmed, and is there after a restart', async () => {
  using folder = temporaryFolder()
  const first = await live(folder.path)
  first.configuration.uplink(true)
  await first.configuration.offer(columns)
  expect(first.runsOn).toEqual([{}, { format: 'columns' }])
  expect(first.configuration.status()).toEqual({ configuration: 7, configurationOnTrial: true })
  await pass(5, first)
  // Long without uplink afterwards: the trial is over, nothing is taken back.
  first.configuration.uplink(false)
  await pass(10, first)
  expect(first.configuration.status()).toEqual({ configuration: 7, configurationOnTrial: false })
  await first.configuration.stop()
  const second = await live(folder.path)
  expect(second.runsOn).toEqual([{ format: 'columns' }])
  await second.configuration.stop()
})

test('a version that loses its uplink is taken back, said to be refused, and not tried again', async () => {
  using folder = temporaryFolder()
  const agent = await live(folder.path)
  await agent.configuration.offer(columns)
  agent.configuration.uplink(true)
  await pass(2, agent)
  agent.configuration.uplink(false)
  await pass(4, agent)
  expect(agent.configuration.status().configuration).toBe(7)
  await pass(1, agent)
  const refused = { version: 7, reason: 'no uplink for 5 minutes with it' }
  expect(agent.configuration.status()).toEqual({ refusedConfiguration: refused })
  expect(agent.runsOn.at(-1)).toEqual({})
  await agent.configuration.offer(columns)
  expect(agent.runsOn).toHaveLength(3)
  await agent.configuration.offer({ ...columns, version: 8 })
  expect(agent.configuration.status().configuration).toBe(8)
  await agent.configuration.stop()
})

test.each([
  [{ format: 'xml' }, 'format'],
  [{ brokerUrl: 'mqtt://elsewhere' }, 'brokerUrl'],
  [{ outputs: {} }, 'outputs'],
  [{ gateways: [] }, 'gateways'],
  [{ profiles: { '../../etc/passwd.yaml': '' } }, 'profiles'],
  [{ batchLingerMs: 13 }, 'unlucky'],
])('%j is refused with its reason, and the version before runs on', async (settings, reason) => {
  using folder = temporaryFolder()
  const agent = await live(folder.path)
  agent.configuration.uplink(true)
  await agent.configuration.offer(columns)
  await pass(5, agent)
  await agent.configuration.offer({ version: 9, settings })
  expect(agent.configuration.status()).toMatchObject({
    configuration: 7,
    refusedConfiguration: { version: 9, reason: expect.stringContaining(reason) },
  })
  expect(agent.runsOn.at(-1)).toEqual({ format: 'columns' })
  await agent.configuration.stop()
})

test('a version that cannot run does not end the trial of the one before it', async () => {
  using folder = temporaryFolder()
  const agent = await live(folder.path)
  agent.configuration.uplink(true)
  await agent.configuration.offer(columns)
  await pass(2, agent)
  await agent.configuration.offer({ version: 8, settings: { batchLingerMs: 13 } })
  expect(agent.configuration.status()).toMatchObject({ configuration: 7, refusedConfiguration: { version: 8 } })
  await pass(3, agent)
  const kept: unknown = JSON.parse(readFileSync(join(folder.path, 'configuration.json'), 'utf8'))
  expect(kept).toMatchObject({ current: columns })
  await agent.configuration.stop()
})

test('a version that the agent does not come through three starts with is taken back', async () => {
  using folder = temporaryFolder()
  const first = await live(folder.path)
  await first.configuration.offer(columns)
  // No orderly end: it was killed, three times.
  for (let start = 0; start < 2; start++) {
    const next = await live(folder.path)
    expect(next.runsOn).toEqual([{ format: 'columns' }])
  }
  const last = await live(folder.path)
  expect(last.runsOn).toEqual([{}])
  expect(last.configuration.status().refusedConfiguration?.reason).toContain('3 starts')
  await last.configuration.stop()
})

test('the file on disk names the version before for as long as the new one is on trial', async () => {
  using folder = temporaryFolder()
  const agent = await live(folder.path)
  agent.configuration.uplink(true)
  await agent.configuration.offer(columns)
  await pass(5, agent)
  await agent.configuration.offer({ version: 8, settings: { metered: true } })
  const kept: unknown = JSON.parse(readFileSync(join(folder.path, 'configuration.json'), 'utf8'))
  expect(kept).toMatchObject({ current: columns, trial: { version: 8, starts: 1 } })
  await agent.configuration.stop()
})
