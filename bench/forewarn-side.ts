/**
 * Starts Forewarn as a person would (`forewarn start`), as a process of its own, for the bench's district; kills it
 * and starts it again on the same data and ports.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { District } from '@forewarn/contracts/district'
import { ProcessHealth } from '@forewarn/contracts/health'
import { shipped } from '@forewarn/deploy/catalogue'
import { runningHouse } from '@forewarn/deploy/data-dir'
import { readSecrets, type Secrets } from '@forewarn/deploy/secrets'
import { openEmbeddedStore } from '@forewarn/store/embedded'
import { z } from 'zod'
import { benchDistrict } from './bench-district.ts'
import { freePort } from './free-port.ts'

export interface ForewarnSide {
  pid(): number
  readonly mqttPort: number
  readonly consoleUrl: string
  readonly secrets: Secrets
  /** Readings written to the store since the last start, repeats included. */
  count(): Promise<number>
  /** kill -9. */
  kill(): Promise<void>
  /** Starts it again; resolves once it answers. */
  restart(): Promise<void>
  /** Stops it in order, and counts the rows of its embedded store. */
  stopAndCountRows(): Promise<number>
  /** Stops it and removes its data. */
  stop(): Promise<void>
}

export interface ForewarnSize {
  readonly gateways: number
  readonly probes: number
  /** An InfluxDB 1.x instead of the embedded store. */
  readonly influxUrl?: string | undefined
}

const program = join(import.meta.dirname, '..', 'cli', 'main.ts')
const Health = z.object({ processes: z.array(ProcessHealth.partial({ atMs: true })) })

export async function startForewarnSide(size: ForewarnSize): Promise<ForewarnSide> {
  const dataDir = await mkdtemp(join(tmpdir(), 'forewarn-bench-'))
  const district = benchDistrict(size)
  const mqttPort = await freePort()
  const launch = await launcher({ dataDir, district, mqttPort, influxUrl: size.influxUrl })
  let child = await launch()
  const house = await runningHouse(dataDir)
  const secrets = await readSecrets(dataDir)
  if (house === undefined || secrets === undefined) throw new Error('the house did not start')
  const { consoleUrl } = house
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }
  return {
    pid: () => child.pid ?? 0,
    mqttPort,
    consoleUrl,
    secrets,
    count: () => storedReadings(consoleUrl, secrets.innerToken),
    kill: () => end('SIGKILL'),
    async restart() {
      child = await launch()
    },
    async stopAndCountRows() {
      await end('SIGTERM')
      const store = await openEmbeddedStore({ dir: join(dataDir, 'store'), sensors: district.sensors })
      const rows = await store.count()
      await store.close()
      return rows
    },
    async stop() {
      await end('SIGTERM')
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

interface Launch {
  readonly dataDir: string
  readonly district: District
  readonly mqttPort: number
  readonly influxUrl: string | undefined
}

/** Writes what the house needs; starts it each time it is called. */
async function launcher({ dataDir, district, mqttPort, influxUrl }: Launch): Promise<() => Promise<ChildProcess>> {
  const districtFile = join(dataDir, 'district.json')
  const rulesDir = join(dataDir, 'bench-rules')
  await writeFile(districtFile, JSON.stringify({ district }))
  await cp(shipped.rulesDir, rulesDir, { recursive: true })
  await cp(join(import.meta.dirname, 'rules', 'probe.yaml'), join(rulesDir, 'probe.yaml'))
  const httpPort = await freePort()
  const settings = {
    'data-dir': dataDir,
    district: districtFile,
    'rules-dir': rulesDir,
    'mqtt-port': mqttPort,
    'http-port': httpPort,
    'log-level': 'warn',
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const influx = { FOREWARN_INFLUX_URL: influxUrl, FOREWARN_INFLUX_VERSION: '1', FOREWARN_INFLUX_DATABASE: 'bench' }
  return async () => {
    const child = spawn(process.execPath, [...nodeFlags(), program, 'start', ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...(influxUrl === undefined ? {} : influx) },
    })
    await untilReady(child)
    return child
  }
}

/** As deploy/setup/launch.mjs starts it; BENCH_CPU_PROFILE names a folder for profiles. */
function nodeFlags(): string[] {
  const folder = process.env['BENCH_CPU_PROFILE']
  const profile = folder === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', folder]
  return ['--max-semi-space-size=64', '--disable-warning=ExperimentalWarning', ...profile]
}

async function untilReady({ stdout }: ChildProcess): Promise<void> {
  if (stdout === null) return
  for await (const line of createInterface({ input: stdout })) {
    if (!line.startsWith('Stop with')) continue
    // Nobody reads on: what it still says must not fill the pipe.
    stdout.resume()
    return
  }
  throw new Error('the house ended by itself')
}

async function storedReadings(consoleUrl: string, token: string): Promise<number> {
  const answer = await fetch(`${consoleUrl}/api/health`, { headers: { authorization: `Bearer ${token}` } })
  const { processes } = Health.parse(await answer.json())
  return processes.find(({ process }) => process === 'ingest')?.figures['readingsStored'] ?? 0
}
