/**
 * Servers that a district may run beside the house, each on one port and folder for the whole run, so that they can
 * be killed and come back with what they had promised to keep.
 */
import { execFileSync } from 'node:child_process'
import { chown, mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { installed } from '@forewarn/runtime/test-servers'
import { waitFor } from '../wait-for.ts'
import { processUnderFire } from './process-under-fire.ts'

export interface ServerUnderFire {
  readonly url: string
  kill(): Promise<void>
  /** Resolves once it takes connections. */
  start(): Promise<void>
}

/** A Redis that writes every command to disk before it answers: what the queue was told is kept. */
export function redisUnderFire(dir: string, port: number): ServerUnderFire {
  const program = needed('redis-server')
  const process = processUnderFire({
    name: 'redis',
    program,
    args: [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      dir,
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
    ],
  })
  return {
    url: `redis://127.0.0.1:${port}`,
    kill: () => process.kill(),
    start: () => startUntilListening(process, port),
  }
}

/** Makes a PostgreSQL cluster in `dir`. It refuses to run as root, so it runs as `postgres` then. */
export async function postgresUnderFire(dir: string, port: number): Promise<ServerUnderFire> {
  const program = needed('postgres')
  const data = join(dir, 'data')
  await mkdir(dir, { recursive: true })
  const user = globalThis.process.getuid?.() === 0 ? idsOf('postgres') : undefined
  if (user !== undefined) await chown(dir, user.uid, user.gid)
  execFileSync(join(dirname(program), 'initdb'), ['-D', data, '-A', 'trust', '-U', 'forewarn'], {
    ...user,
    env: { ...globalThis.process.env, LC_ALL: 'C' },
    stdio: 'ignore',
  })
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-k', dir]
  const process = processUnderFire({
    name: 'postgres',
    program,
    args: ['-D', data, '-p', String(port), ...settings],
    ...(user === undefined ? {} : { user }),
  })
  return {
    url: `postgres://forewarn@127.0.0.1:${port}/postgres`,
    kill: () => process.kill(),
    start: () => startUntilListening(process, port),
  }
}

function needed(program: string): string {
  const path = installed(program)
  if (path === undefined) throw new Error(`${program} is not installed`)
  return path
}

function idsOf(user: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** A server killed a moment ago may refuse to start while its children are still going: it is started again. */
async function startUntilListening(process: ReturnType<typeof processUnderFire>, port: number): Promise<void> {
  process.start()
  let ended = process.endedByItself
  await waitFor(`${process.name} on port ${port}`, async () => {
    if (process.endedByItself > ended) {
      ended = process.endedByItself
      process.start()
    }
    return (await isListening(port)) ? true : undefined
  })
}

function isListening(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const tell = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => tell(true))
    socket.once('error', () => tell(false))
  })
}
