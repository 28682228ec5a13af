/**
 * An InfluxDB 1.x with its tsi1 index, for the peer and for the house that writes to one: on a free port and in a
 * folder that goes away afterwards. Killed and started again on the same data.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { freePort } from './free-port.ts'

export interface InfluxSide {
  readonly url: string
  pid(): number
  /** Rows with a field `v` measured since then, of all measurements. */
  count(sinceMs: number): Promise<number>
  kill(): Promise<void>
  restart(): Promise<void>
  stop(): Promise<void>
}

const Counted = z.object({
  results: z.array(
    z.object({ series: z.array(z.object({ values: z.array(z.array(z.union([z.string(), z.number()]))) })).optional() }),
  ),
})

export async function startInflux(): Promise<InfluxSide> {
  const dir = await mkdtemp(join(tmpdir(), 'bench-influxd-'))
  const [http, rpc] = [await freePort(), await freePort()]
  const config = join(dir, 'influxdb.conf')
  await writeFile(config, configOf({ dir, http, rpc }))
  const url = `http://127.0.0.1:${http}`
  const launch = async () => {
    const made = spawn('/usr/bin/influxd', ['-config', config], { stdio: 'ignore' })
    await answering(url)
    return made
  }
  let child: ChildProcess = await launch()
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  await fetch(`${url}/query?q=${encodeURIComponent('CREATE DATABASE bench')}`, { method: 'POST' })
  return {
    url,
    pid: () => child.pid ?? 0,
    count: sinceMs => countRows(url, sinceMs),
    kill,
    async restart() {
      child = await launch()
    },
    async stop() {
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function configOf({ dir, http, rpc }: { dir: string; http: number; rpc: number }): string {
  return `reporting-disabled = true
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
`
}

async function answering(url: string): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    const isThere = await fetch(`${url}/ping`).then(
      answer => answer.ok,
      () => false,
    )
    if (isThere) return
    await wait(50)
  }
  throw new Error('influxd did not answer within a minute')
}

async function countRows(url: string, sinceMs: number): Promise<number> {
  const query = `SELECT count(v) FROM /.*/ WHERE time >= ${Math.floor(sinceMs)}ms`
  const answer = await fetch(`${url}/query?db=bench&q=${encodeURIComponent(query)}`)
  const { results } = Counted.parse(await answer.json())
  return results.flatMap(({ series = [] }) => series).reduce((sum, { values }) => sum + Number(values[0]?.[1] ?? 0), 0)
}
