import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { hashPassword } from '@forewarn/broker/credentials'
import { ConfigurationReport } from '@forewarn/contracts/gateway-configuration'
import { startEdgeAgent } from '@forewarn/edge-agent/start'
import { liveClock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import { createMetrics } from '@forewarn/runtime/metrics'
import { expect, test } from 'vitest'
import { z } from 'zod'

const main = join(import.meta.dirname, '..', 'broker', 'attacked-main.ts')
const innerToken = 'an inner token of some length, for tests'
const Listening = z.object({ port: z.number(), url: z.string() })
const patience = { timeout: 60_000 }

interface Life extends z.infer<typeof Listening> {
  readonly process: ChildProcess
}

async function startLife(wish: object): Promise<Life> {
  const process = fork(main, [JSON.stringify({ limits: {}, innerToken, ...wish })])
  const [said] = await once(process, 'message')
  return { ...Listening.parse(said), process }
}

async function kill({ process }: Life): Promise<void> {
  const gone = once(process, 'exit')
  process.kill('SIGKILL')
  await gone
}

const inner = ({ url }: Life, init: RequestInit = {}) =>
  fetch(new URL('/gateways/gw-1/configuration', url), {
    ...init,
    headers: { authorization: `Bearer ${innerToken}`, 'content-type': 'application/json' },
  })

/** The version it was given; undefined when the broker was gone before it answered. */
async function configure(life: Life, batchLingerMs: number): Promise<number | undefined> {
  try {
    const response = await inner(life, { method: 'PUT', body: JSON.stringify({ settings: { batchLingerMs } }) })
    return z.object({ version: z.number() }).parse(await response.json()).version
  } catch {
    // The broker was killed before it had answered: nothing was promised.
    return undefined
  }
}

const report = async (life: Life) => ConfigurationReport.parse(await (await inner(life)).json())

test('a configuration that was answered reaches its gateway, whenever the broker is killed', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'forewarn-configure-crash-'))
  const credentials = { 'gw-1': { passwordHash: await hashPassword('a password of gw-1') } }
  let life = await startLife({ credentials, dataDir })
  const { port } = life
  const restart = async () => void (life = await startLife({ credentials, dataDir, port }))
  let answered = 0
  for (let round = 1; round <= 6; round++) {
    // At the answer, and while another is under way, another moment of it each time.
    answered = Math.max(answered, (await configure(life, round)) ?? 0)
    const underWay = round % 2 === 0 ? configure(life, 100 + round) : Promise.resolve(undefined)
    await wait(round / 2)
    await kill(life)
    answered = Math.max(answered, (await underWay) ?? 0)
    await restart()
    const { sent } = await report(life)
    expect(sent?.version).toBeGreaterThanOrEqual(answered)
  }
  expect(answered).toBeGreaterThanOrEqual(6)
  const last = await configure(life, 77)
  await kill(life)
  await restart()
  const agent = await startEdgeAgent({
    ...{ districtId: 'jingan', brokerUrl: `mqtt://127.0.0.1:${port}`, dataDir: join(dataDir, 'agent') },
    gateways: [{ id: 'gw-1', password: 'a password of gw-1' }],
    ...{ clock: liveClock(), log: silentLog(), metrics: createMetrics() },
    push: { host: '127.0.0.1', port: 0, token: 'push-token' },
  })
  const runs = { state: 'on-trial', sent: { version: last, settings: { batchLingerMs: 77 } } }
  await expect.poll(() => report(life), patience).toMatchObject({ ...runs, said: { configuration: last } })
  await agent.stop()
  await kill(life)
  rmSync(dataDir, { recursive: true, force: true })
}, 240_000)
