/**
 * Starts Forewarn as a person would (`forewarn start`), as a process of its own, for the bench's district.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ProcessHealth } from '@forewarn/contracts/health'
import { shipped } from '@forewarn/deploy/catalogue'
import { runningHouse } from '@forewarn/deploy/data-dir'
import { readSecrets, type Secrets } from '@forewarn/deploy/secrets'
import { z } from 'zod'
import { benchDistrict } from './bench-district.ts'

export interface ForewarnSide {
  readonly pid: number
  readonly mqttPort: number
  readonly consoleUrl: string
  readonly secrets: Secrets
  /** Readings in the store since the start. */
  count(): Promise<number>
  stop(): Promise<void>
}

const program = join(import.meta.dirname, '..', 'cli', 'main.ts')
const Health = z.object({ processes: z.array(ProcessHealth.partial({ atMs: true })) })

export async function startForewarnSide(size: { gateways: number; probes: number }): Promise<ForewarnSide> {
  const dataDir = await mkdtemp(join(tmpdir(), 'forewarn-bench-'))
  const district = join(dataDir, 'district.json')
  const rulesDir = join(dataDir, 'bench-rules')
  await writeFile(district, JSON.stringify({ district: benchDistrict(size) }))
  await cp(shipped.rulesDir, rulesDir, { recursive: true })
  await cp(join(import.meta.dirname, 'rules', 'probe.yaml'), join(rulesDir, 'probe.yaml'))
  const settings = [
    '--data-dir',
    dataDir,
    '--district',
    district,
    '--rules-dir',
    rulesDir,
    '--mqtt-port',
    '0',
    '--http-port',
    '0',
  ]
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=64', program, 'start', ...settings, '--log-level', 'warn'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  await untilReady(child)
  const house = await runningHouse(dataDir)
  const secrets = await readSecrets(dataDir)
  if (house === undefined || secrets === undefined || child.pid === undefined)
    throw new Error('the house did not start')
  const { mqttPort, consoleUrl } = house
  return {
    pid: child.pid,
    mqttPort,
    consoleUrl,
    secrets,
    count: () => storedReadings(consoleUrl, secrets.innerToken),
    stop: async () => {
      child.kill('SIGTERM')
      await once(child, 'exit')
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

async function untilReady({ stdout }: ChildProcess): Promise<void> {
  if (stdout === null) return
  for await (const line of createInterface({ input: stdout })) if (line.startsWith('Stop with')) return
  throw new Error('the house ended by itself')
}

async function storedReadings(consoleUrl: string, token: string): Promise<number> {
  const answer = await fetch(`${consoleUrl}/api/health`, { headers: { authorization: `Bearer ${token}` } })
  const { processes } = Health.parse(await answer.json())
  return processes.find(({ process }) => process === 'ingest')?.figures['readingsStored'] ?? 0
}
