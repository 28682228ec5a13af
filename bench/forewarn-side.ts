/**
 * Starts Forewarn as a process of its own for a bench, and asks it how many rows it stored.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Secrets } from '@forewarn/deploy/secrets'
import { z } from 'zod'

const Ready = z.object({ mqttPort: z.number(), consoleUrl: z.string(), secrets: Secrets })
const Counted = z.object({ count: z.number() })

export interface ForewarnSide extends z.infer<typeof Ready> {
  readonly pid: number
  count(): Promise<number>
  stop(): Promise<void>
}

export async function startForewarnSide({
  gateways,
  probes,
}: {
  gateways: number
  probes: number
}): Promise<ForewarnSide> {
  const dataDir = await mkdtemp(join(tmpdir(), 'forewarn-bench-'))
  const child = spawn(process.execPath, ['--max-semi-space-size=64', join(import.meta.dirname, 'house-main.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => JSON.parse(String((await lines.next()).value))
  child.stdin.write(`${JSON.stringify({ gateways, probes, dataDir })}\n`)
  const ready = Ready.parse(await next())
  return {
    ...ready,
    pid: pidOf(child),
    count: async () => {
      child.kill('SIGUSR2')
      return Counted.parse(await next()).count
    },
    stop: async () => {
      child.kill('SIGTERM')
      await once(child, 'exit')
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('the house could not be started')
  return pid
}
