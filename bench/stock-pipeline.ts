/**
 * Starts the peer on this machine: mosquitto and the afternoon's ingest, in front of an InfluxDB of the caller's.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import type { InfluxSide } from './influx-side.ts'

export interface StockPipeline {
  readonly mqttPort: number
  /** Of mosquitto, the ingest and InfluxDB. */
  pids(): number[]
  readonly mosquittoPid: number
  killIngest(): Promise<void>
  restartIngest(): Promise<void>
  stop(): Promise<void>
}

/** Which of the peer's programs this machine lacks. */
export async function missingPrograms(): Promise<string[]> {
  const programs = ['/usr/sbin/mosquitto', '/usr/bin/influxd']
  const missing = await Promise.all(
    programs.map(file =>
      access(file).then(
        () => undefined,
        () => file,
      ),
    ),
  )
  return missing.filter(file => file !== undefined)
}

function pidOf(child: ChildProcess, name: string): number {
  if (child.pid === undefined) throw new Error(`${name} could not be started`)
  return child.pid
}

async function startMosquitto(dir: string): Promise<{ child: ChildProcess; port: number }> {
  const port = await freePort()
  const file = join(dir, 'mosquitto.conf')
  await writeFile(
    file,
    `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n`,
  )
  const child = spawn('/usr/sbin/mosquitto', ['-c', file], { stdio: 'ignore' })
  return { child, port }
}

/** `influx` is the caller's, and stays. */
export async function startStockPipeline(influx: InfluxSide): Promise<StockPipeline> {
  const dir = await mkdtemp(join(tmpdir(), 'stock-'))
  const mosquitto = await startMosquitto(dir)
  const startIngest = async () => {
    const program = join(import.meta.dirname, 'stock-ingest.ts')
    const child = spawn(process.execPath, [program, `mqtt://127.0.0.1:${mosquitto.port}`, influx.url], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await once(child.stdout, 'data')
    return child
  }
  let ingest: ChildProcess = await startIngest()
  const kill = async (child: ChildProcess) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  return {
    mqttPort: mosquitto.port,
    pids: () => [pidOf(mosquitto.child, 'mosquitto'), pidOf(ingest, 'the stock ingest'), influx.pid()],
    mosquittoPid: pidOf(mosquitto.child, 'mosquitto'),
    killIngest: () => kill(ingest),
    async restartIngest() {
      ingest = await startIngest()
    },
    async stop() {
      await Promise.all([kill(ingest), kill(mosquitto.child)])
      await rm(dir, { recursive: true, force: true })
    },
  }
}
