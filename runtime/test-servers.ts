/**
 * Real servers for tests, each on a free port with a folder of its own. A server that is not installed gives
 * undefined, so that the test can be skipped; in CI that is an error.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'

export interface TestServer {
  readonly url: string
  stop(): Promise<void>
}

const postgresFolder = '/usr/lib/postgresql/15/bin'

/** The path of a program, or undefined when it is not installed. Throws in CI, where nothing may be skipped. */
export function installed(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), postgresFolder, '/usr/sbin']
  const found = folders.map(folder => join(folder, program)).find(path => existsSync(path))
  if (found === undefined && process.env['CI']) throw new Error(`${program} is not installed, and CI skips nothing`)
  return found
}

/** Keeps nothing on disk unless the arguments say so. */
export async function startRedis(program: string, args: readonly string[] = []): Promise<TestServer> {
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'forewarn-redis-'))
  const server = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', ...args])
  await said(server, 'Ready to accept connections')
  return { url: `redis://127.0.0.1:${port}`, stop: () => stop(server, dir) }
}

/** Keeps its sessions and queues on disk, and waits for nobody's acknowledgement beyond the usual twenty. */
export async function startMosquitto(program: string): Promise<TestServer> {
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'forewarn-mosquitto-'))
  const settings = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence true',
    `persistence_location ${dir}/`,
  ]
  await writeFile(join(dir, 'mosquitto.conf'), [...settings, 'max_queued_messages 100000', ''].join('\n'))
  if (process.getuid?.() === 0) await chown(dir, idsOf('mosquitto').uid, idsOf('mosquitto').gid)
  const server = spawn(program, ['-c', join(dir, 'mosquitto.conf'), '-v'])
  await said(server, 'running')
  // Nobody reads on: a full pipe would hold it up.
  server.stdout.resume()
  server.stderr.resume()
  return { url: `mqtt://127.0.0.1:${port}`, stop: () => stop(server, dir) }
}

/** PostgreSQL refuses to run as root, so it runs as `postgres` then. */
export async function startPostgres(program: string): Promise<TestServer> {
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'forewarn-postgresql-'))
  const root = process.getuid?.() === 0
  const ids = root ? idsOf('postgres') : undefined
  if (ids) await chown(dir, ids.uid, ids.gid)
  const data = join(dir, 'data')
  const options = { ...ids, env: { ...process.env, LC_ALL: 'C' } }
  execFileSync(join(program, '../initdb'), ['-D', data, '-A', 'trust', '-U', 'forewarn'], { ...options, stdio: 'pipe' })
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off', '-k', dir]
  const server = spawn(program, ['-D', data, '-p', String(port), ...settings], options)
  await said(server, 'ready to accept connections')
  return { url: `postgres://forewarn@127.0.0.1:${port}/postgres`, stop: () => stop(server, dir) }
}

function idsOf(user: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

function said(server: ChildProcess, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = ''
    const hear = (chunk: Buffer) => {
      output += chunk
      if (output.includes(words)) resolve()
    }
    server.stdout?.on('data', hear)
    server.stderr?.on('data', hear)
    server.once('error', reject)
    server.once('exit', code => reject(new Error(`ended with ${code}: ${output.slice(-500)}`)))
  })
}

async function stop(server: ChildProcess, dir: string): Promise<void> {
  server.kill('SIGKILL')
  await once(server, 'close')
  await rm(dir, { recursive: true, force: true })
}
