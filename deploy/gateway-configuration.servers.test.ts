import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashPassword } from '@forewarn/broker/credentials'
import { type Broker, startBroker } from '@forewarn/broker/start'
import { ConfigurationReport } from '@forewarn/contracts/gateway-configuration'
import { AgentSettings, optionsOf } from '@forewarn/edge-agent/settings'
import { type EdgeAgent, startEdgeAgent } from '@forewarn/edge-agent/start'
import { type HandClock, handClock, liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { noteRunning } from './data-dir.ts'
import { keepSecrets } from './secrets.ts'

const root = join(import.meta.dirname, '..')
const example = join(root, 'edge-agent', 'examples', 'remote-settings.yaml')
const silent = silentLog()
/** The machine may be busy. */
const patience = { timeout: 60_000 }

let dir = ''
let innerToken = ''
let broker: Broker
let agent: EdgeAgent
let agentClock: HandClock

/** A broker of a house that `forewarn` finds, and an agent behind it with a siren. */
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'forewarn-configure-'))
  ;({ innerToken } = await keepSecrets(dir, ['gw-1']))
  broker = await startBroker({
    ...{ host: '127.0.0.1', port: 0, districtId: 'jingan', innerToken, dataDir: join(dir, 'broker') },
    credentials: new Map([['gw-1', { passwordHash: await hashPassword('a password of gw-1') }]]),
    ...{ accept: async () => {}, clock: liveClock(), log: silent, metrics: createMetrics() },
  })
  const house = { pid: process.pid, districtId: 'jingan', mode: 'exercise', mqttHost: '127.0.0.1', mqttPort: 1 }
  await noteRunning(dir, { ...house, consoleUrl: 'http://127.0.0.1:1', brokerUrl: broker.url })
  agentClock = handClock(Date.UTC(2026, 6, 1))
  agent = await startAgent()
})
afterEach(async () => {
  await agent.stop()
  await broker.stop()
  rmSync(dir, { recursive: true, force: true })
})

function startAgent(): Promise<EdgeAgent> {
  const settings = AgentSettings.parse({
    ...{ districtId: 'jingan', brokerUrl: `mqtt://127.0.0.1:${broker.port}`, dataDir: join(dir, 'agent') },
    gateways: [{ id: 'gw-1', password: 'a password of gw-1' }],
    outputs: { siren: { kind: 'log' } },
    push: { port: 0, token: 'push-token' },
  })
  return startEdgeAgent({ ...optionsOf(settings), clock: agentClock, log: silent, metrics: createMetrics() })
}

/** Five minutes and a look, by the agent's clock. */
async function passTrial(): Promise<void> {
  for (let tens = 0; tens <= 31; tens++) {
    agentClock.advance(10_000)
    await new Promise(setImmediate)
  }
}

function gateways(...args: readonly string[]): Promise<{ code: number; said: string }> {
  return new Promise(resolve => {
    const all = [join(root, 'cli', 'main.ts'), 'gateways', ...args, '--data-dir', dir]
    const child = execFile(process.execPath, all, (_, out, err) =>
      resolve({ code: child.exitCode ?? -1, said: out + err }),
    )
  })
}

async function report(): Promise<ConfigurationReport> {
  const headers = { authorization: `Bearer ${innerToken}` }
  const response = await fetch(new URL('/gateways/gw-1/configuration', broker.url), { headers })
  return ConfigurationReport.parse(await response.json())
}

function written(name: string, text: string): string {
  const file = join(dir, name)
  writeFileSync(file, text)
  return file
}

test('a gateway is configured, runs on it, refuses what it cannot run on, and is sent back', async () => {
  expect((await gateways('configuration', 'gw-1')).said).toContain('nothing was sent to it')
  const configured = await gateways('configure', 'gw-1', example, '--by', 'Li Wei')
  expect(configured).toMatchObject({ code: 0, said: expect.stringContaining('version 1 is sent to gw-1') })
  await expect.poll(async () => (await report()).state, patience).toBe('on-trial')
  expect((await gateways('configuration', 'gw-1')).said).toContain('it tries what was sent')
  await passTrial()
  await expect.poll(async () => (await report()).state, patience).toBe('running')
  const running = await gateways('configuration', 'gw-1')
  expect(running.code).toBe(0)
  expect(running.said).toMatch(/state +it runs on what was sent\nsent +version 1, .+Z, by Li Wei\nruns on +version 1\n/)
  expect(running.said).toContain('"rule":"deep-water-siren"')

  // An output that the agent's own settings file does not know.
  const bad = written(
    'bad.json',
    '{"emergencyRules":[{"rule":"r","place":"p","hazard":"h","sensor":"s","above":1,"clear":0,"outputs":["sluice"]}]}',
  )
  expect(await gateways('configure', 'gw-1', bad)).toMatchObject({ code: 0 })
  await expect.poll(async () => (await report()).state, patience).toBe('refused')
  const refused = await gateways('configuration', 'gw-1')
  expect(refused.code).toBe(1)
  expect(refused.said).toMatch(/runs on +version 1\n/)
  expect(refused.said).toMatch(
    /refused +version 2: .*output "sluice" is not one that this agent's settings file allows/,
  )

  expect((await gateways('configure', 'gw-1', '--back')).said).toContain(
    'version 3 is sent to gw-1, with the settings of version 1',
  )
  await expect.poll(report, patience).toMatchObject({ state: 'on-trial', said: { configuration: 3 } })
  expect((await report()).said?.refusedConfiguration).toBeUndefined()

  expect((await gateways('configure', 'gw-1', '--own')).said).toContain('version 4')
  await expect.poll(report, patience).toMatchObject({ state: 'on-trial', sent: { version: 4, settings: {} } })
}, 120_000)

test('a gateway that is away finds it when it comes', async () => {
  await agent.stop()
  await gateways('configure', 'gw-1', example)
  expect(await report()).toMatchObject({ state: 'waiting' })
  agent = await startAgent()
  await expect.poll(report, patience).toMatchObject({ state: 'on-trial', said: { configuration: 1 } })
}, 120_000)

test('what cannot be sent is refused in one line and ends with 2', async () => {
  const answers = await Promise.all([
    gateways('configure', 'gw-1'),
    gateways('configure', 'gw-1', example, '--back'),
    gateways('configure', 'gw-1', '--back'),
    gateways('configure', 'gw-2', example),
    gateways('configure', 'gw-1', join(dir, 'nowhere.yaml')),
    gateways('configure', 'gw-1', written('list.yaml', '- a\n- b\n')),
    gateways('configure', 'gw-1', written('torn.yaml', '{"a": [')),
  ])
  expect(answers.map(({ code }) => code)).toEqual(answers.map(() => 2))
  for (const [at, words] of [
    'say one of',
    'say one of',
    'nothing was sent to gw-1 before',
    'there is no gateway gw-2',
    'nowhere.yaml cannot be read',
    'list.yaml holds no settings',
    'torn.yaml is neither YAML nor JSON',
  ].entries())
    expect(answers[at]?.said).toContain(words)
  expect(await report()).toMatchObject({ state: 'never-sent' })
}, 120_000)
