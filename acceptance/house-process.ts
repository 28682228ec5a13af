/**
 * A house in a process of its own, started as a person starts it, so that it can be killed like one. Asked through
 * its console with the inner token, as `forewarn doctor` does.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { WarningsSnapshot } from '@forewarn/contracts/alerts-api'
import { QuarantineReport } from '@forewarn/contracts/health'
import { PlaceCondition } from '@forewarn/contracts/rules-api'
import { runningHouse } from '@forewarn/deploy/data-dir'
import { readSecrets } from '@forewarn/deploy/secrets'
import { z } from 'zod'
import { waitFor } from './wait-for.ts'

export interface HouseProcessOptions {
  readonly dataDir: string
  readonly districtFile: string
  readonly rulesDir: string
}

const Series = z.object({ atMs: z.array(z.number()), value: z.array(z.number().nullable()) })
const HouseHealth = z.object({
  processes: z.array(
    z.object({
      process: z.string(),
      checks: z.array(z.object({ name: z.string(), status: z.string(), detail: z.string() })),
    }),
  ),
})
const Snapshot = z.object({
  warnings: WarningsSnapshot.shape.warnings,
  conditions: z.array(PlaceCondition),
})

export interface HouseProcess {
  readonly mqttUrl: string
  /** What a gateway of the district signs in with. */
  passwordOf(gatewayId: string): string
  quarantine(): Promise<QuarantineReport>
  /** Value by measured time of one sensor, and how many points there were. */
  series(sensor: string): Promise<{ readonly points: number; readonly values: ReadonlyMap<number, number | null> }>
  snapshot(): Promise<z.infer<typeof Snapshot>>
  /** `process check: status detail`, one line per check. */
  health(): Promise<string[]>
  /** kill -9. Resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM. Resolves with its exit code and how long it took, wall ms. */
  terminate(): Promise<{ readonly code: number | null; readonly tookMs: number }>
}

const main = join(import.meta.dirname, '..', 'cli', 'main.ts')

/** Starts `forewarn start` on free ports and resolves once it is ready. Rejects with what it said when it ends first. */
export async function startHouseProcess({
  dataDir,
  districtFile,
  rulesDir,
}: HouseProcessOptions): Promise<HouseProcess> {
  const ports = ['--mqtt-port', '0', '--http-port', '0']
  const folders = ['--data-dir', dataDir, '--district', districtFile, '--rules-dir', rulesDir]
  const child = spawn(process.execPath, [main, 'start', ...ports, ...folders], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', chunk => {
    said += String(chunk)
  })
  const house = await waitFor('a house that is ready', async () => {
    if (child.exitCode !== null) throw new Error(`the house ended with ${child.exitCode}: ${said}`)
    const note = await runningHouse(dataDir)
    return note?.pid === child.pid ? note : undefined
  })
  const secrets = await readSecrets(dataDir)
  if (secrets === undefined) throw new Error('a house that runs has no secrets')
  const headers = { authorization: `Bearer ${secrets.innerToken}` }
  return {
    mqttUrl: `mqtt://127.0.0.1:${house.mqttPort}`,
    passwordOf: id => secrets.gateways[id]?.password ?? '',
    ...readerOf(async path => (await fetch(`${house.consoleUrl}${path}`, { headers })).json()),
    async kill() {
      await ended(child, 'SIGKILL')
    },
    async terminate() {
      const beganMs = performance.now()
      const code = await ended(child, 'SIGTERM')
      return { code, tookMs: performance.now() - beganMs }
    },
  }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
  return child.exitCode
}

function readerOf(get: (path: string) => Promise<unknown>) {
  return {
    quarantine: async () => QuarantineReport.parse(await get('/api/quarantine')),
    snapshot: async () => Snapshot.parse(await get('/api/snapshot')),
    async series(sensor: string) {
      const { atMs, value } = Series.parse(await get(`/api/series?sensor=${sensor}`))
      return { points: atMs.length, values: new Map(atMs.map((at, index) => [at, value[index] ?? null])) }
    },
    async health() {
      const { processes } = HouseHealth.parse(await get('/api/health'))
      return processes.flatMap(({ process, checks }) =>
        checks.map(({ name, status, detail }) => `${process} ${name}: ${status} ${detail}`),
      )
    },
  }
}
