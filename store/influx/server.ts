/** Starts a real InfluxDB 1.x on a free port with a folder of its own: for tests, and for measuring against it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

export interface InfluxServer {
  readonly url: string
  /** Stops it at once, as a crash does; its data stay. */
  kill(): Promise<void>
  /** Starts it again, on the same port and data. */
  start(): Promise<void>
  /** Stops it and removes its data. */
  stop(): Promise<void>
}

/** Whether there is an `influxd` on this machine. */
export function influxdIsInstalled(): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some(folder => existsSync(join(folder, 'influxd')))
}

export interface InfluxServerOptions {
  readonly index?: 'tsi1' | 'inmem'
  /** `max-values-per-tag`, which `inmem` holds new sensors to. */
  readonly tagLimit?: number
}

/** Resolves once it answers. */
export async function startInfluxServer({
  index = 'tsi1',
  tagLimit = 100_000,
}: InfluxServerOptions = {}): Promise<InfluxServer> {
  const dir = await mkdtemp(join(tmpdir(), 'forewarn-influxd-'))
  const [port, backupPort] = await freePorts()
  const config = join(dir, 'influxdb.conf')
  await writeFile(config, configOf({ dir, port, backupPort, index, tagLimit }))
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  const start = async () => {
    child = spawn('influxd', ['-config', config], { stdio: 'ignore' })
    await answering(url, child)
  }
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  await start()
  return {
    url,
    kill,
    start,
    async stop() {
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

interface ConfigFacts {
  readonly dir: string
  readonly port: number
  readonly backupPort: number
  readonly index: string
  readonly tagLimit: number
}

function configOf({ dir, port, backupPort, index, tagLimit }: ConfigFacts): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:${backupPort}"
[meta]
  dir = "${dir}/meta"
[data]
  dir = "${dir}/data"
  wal-dir = "${dir}/wal"
  index-version = "${index}"
  max-values-per-tag = ${tagLimit}
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[monitor]
  store-enabled = false
[logging]
  level = "error"
`
}

async function freePorts(): Promise<[number, number]> {
  const [first, second] = await Promise.all([holdPort(), holdPort()])
  await Promise.all([first.release(), second.release()])
  return [first.port, second.port]
}

async function holdPort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { port, release: () => new Promise<void>(resolve => server.close(() => resolve())) }
}

const attemptsMax = 200

/** influxd says nothing when it is ready, so it is asked until it answers. Rejects when it ends before that. */
async function answering(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (child.exitCode !== null) throw new Error(`influxd ended with ${child.exitCode}`)
    const answer = await fetch(`${url}/ping`).catch(() => undefined)
    if (answer?.status === 204) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`influxd does not answer at ${url}`)
}
