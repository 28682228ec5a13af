/**
 * A Redis for tests that can be killed and come back on the same port with what it had on disk.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface MortalRedis {
  readonly url: string
  /** As `kill -9`, and again with the same folder; resolves once it answers. */
  killAndRestart(): Promise<void>
  stop(): Promise<void>
}

export const durableArguments = ['--appendonly', 'yes', '--appendfsync', 'always'] as const

/** Starts `program` with these arguments on a free port and a folder of its own. */
export async function startMortalRedis(
  program: string,
  args: readonly string[] = durableArguments,
): Promise<MortalRedis> {
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'journal-redis-'))
  const all = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', ...args]
  let server = await spawned(program, all)
  const kill = async () => {
    server.kill('SIGKILL')
    await once(server, 'close')
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    async killAndRestart() {
      await kill()
      server = await spawned(program, all)
    },
    async stop() {
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function spawned(program: string, args: readonly string[]): Promise<ChildProcess> {
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    server.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes('Ready to accept connections')) resolve(server)
    })
    server.once('error', reject)
    server.once('exit', code => reject(new Error(`redis ended with ${code}`)))
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
