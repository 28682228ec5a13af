import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startTestBroker, type TestBroker, temporaryFolder } from './broker-fixture.ts'

const main = fileURLToPath(new URL('main.ts', import.meta.url))

function startAgent(broker: TestBroker, dir: string) {
  const file = join(dir, 'settings.json')
  const settings = {
    ...{ districtId: 'jingan', gateways: [{ id: 'gw-1', password: 'p' }], brokerUrl: broker.url },
    ...{ dataDir: join(dir, 'data'), push: { port: 0, token: 'push-token' }, logLevel: 'silent' },
  }
  writeFileSync(file, JSON.stringify(settings))
  return spawn(process.execPath, [main, file])
}

test('an agent killed while it changes over comes up again on a whole configuration, every time', async () => {
  using folder = temporaryFolder()
  const broker = await startTestBroker()
  for (let version = 1; version <= 6; version++) {
    const agent = startAgent(broker, folder.path)
    const gone = once(agent, 'exit')
    const statuses = broker.statuses.length
    await broker.until(() => broker.listeners.has('gw-1') && broker.statuses.length > statuses)
    // Whatever it came up on, it is one that was sent, whole.
    expect(broker.statuses.at(-1)?.configuration ?? 0).toBeLessThan(version)
    // On a slow machine one version may see three kills before the next one comes: then it is rightly given up.
    expect(broker.statuses.at(-1)?.refusedConfiguration?.reason ?? '3 starts').toContain('3 starts')
    const settings = { batchLingerMs: 10 * version, outboxMaxDays: version }
    await broker.say('gw-1', 'config', { version, settings }, { retain: true })
    // Another moment of the change each time.
    await wait(version * 1.3)
    agent.kill('SIGKILL')
    await gone
    await broker.until(() => !broker.listeners.has('gw-1'))
  }
  const agent = startAgent(broker, folder.path)
  const gone = once(agent, 'exit')
  await broker.until(() => broker.statuses.at(-1)?.configuration === 6)
  agent.kill('SIGKILL')
  await gone
  await broker.stop()
}, 120_000)
