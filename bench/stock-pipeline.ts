/**
 * Starts the peer on this machine: mosquitto, the afternoon's ingest and InfluxDB 1.x with its tsi1 index, each on a
 * free port and in a folder that goes away afterwards.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

export interface StockPipeline {
  readonly mqttPort: number
  readonly pids: { readonly mosquitto: number; readonly ingest: number; readonly influxd: number }
  /** Rows in InfluxDB now. */
  count(): Promise<number>
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

async function until(what: string, ready: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await ready()) return
    await wait(50)
  }
  throw new Error(`${what} did not start within 10 s`)
}

function pidOf(child: ChildProcess, name: string): number {
  if (child.pid === undefined) throw new Error(`${name} could not be started`)
  return child.pid
}

async function startInflux(dir: string): Promise<{ child: ChildProcess; url: string }> {
  const [http, rpc] = [await freePort(), await freePort()]
  const file = join(dir, 'influxdb.conf')
  await writeFile(
    file,
    `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${dir}/meta"
[data]
  dir = "${dir}/data"
  wal-dir = "${dir}/wal"
  index-version = "tsi1"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:${http}"
  log-enabled = false
[monitor]
  store-enabled = false
`,
  )
  const child = spawn('/usr/bin/influxd', ['-config', file], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${http}`
  await until('influxd', () =>
    fetch(`${url}/ping`).then(
      answer => answer.ok,
      () => false,
    ),
  )
  await fetch(`${url}/query?q=${encodeURIComponent('CREATE DATABASE bench')}`, { method: 'POST' })
  return { child, url }
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

async function countRows(url: string): Promise<number> {
  const answer = await fetch(`${url}/query?db=bench&q=${encodeURIComponent('SELECT count(v) FROM r')}`)
  const rows: unknown = await answer.json()
  return Number(/"values":\[\[[^,]+,(\d+)\]\]/.exec(JSON.stringify(rows))?.[1] ?? 0)
}

export async function startStockPipeline(): Promise<StockPipeline> {
  const dir = await mkdtemp(join(tmpdir(), 'stock-'))
  await mkdir(join(dir, 'influx'))
  const influx = await startInflux(join(dir, 'influx'))
  const mosquitto = await startMosquitto(dir)
  const ingest = spawn(
    process.execPath,
    [join(import.meta.dirname, 'stock-ingest.ts'), `mqtt://127.0.0.1:${mosquitto.port}`, influx.url],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  await once(ingest.stdout, 'data')
  const children = [ingest, mosquitto.child, influx.child]
  return {
    mqttPort: mosquitto.port,
    pids: {
      mosquitto: pidOf(mosquitto.child, 'mosquitto'),
      ingest: pidOf(ingest, 'the stock ingest'),
      influxd: pidOf(influx.child, 'influxd'),
    },
    count: () => countRows(influx.url),
    stop: async () => {
      await Promise.all(
        children.map(child => {
          if (child.exitCode !== null) return undefined
          child.kill('SIGKILL')
          return once(child, 'exit')
        }),
      )
      await rm(dir, { recursive: true, force: true })
    },
  }
}
