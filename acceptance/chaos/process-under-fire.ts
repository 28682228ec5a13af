/**
 * A process that is killed and started again, as a supervisor does it; and how much memory it takes while it lives.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'

export interface ProcessUnderFire {
  readonly name: string
  /** Starts it; does not wait until it can do anything. */
  start(): void
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  terminate(): Promise<number | null>
  freeze(): void
  thaw(): void
  /** Resident memory now, bytes; undefined while it does not run. */
  residentBytes(): Promise<number | undefined>
  /** The end of what it said on standard error. */
  lastWords(): string
  /** How often it ended without having been told to. */
  readonly endedByItself: number
}

export interface ProcessOptions {
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Who it runs as; whoever we are unless given. */
  readonly user?: { readonly uid: number; readonly gid: number }
}

export function processUnderFire({ name, program, args, env = process.env, user }: ProcessOptions): ProcessUnderFire {
  let child: ChildProcess | undefined
  let words = ''
  let endedByItself = 0
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    const ending = child
    child = undefined
    if (ending === undefined) return null
    if (ending.exitCode !== null || ending.signalCode !== null) return ending.exitCode
    const gone = once(ending, 'exit')
    ending.kill(signal)
    await gone
    return ending.exitCode
  }
  return {
    name,
    start() {
      words = ''
      const started = spawn(program, args, { ...user, env, stdio: ['ignore', 'ignore', 'pipe'] })
      started.stderr.on('data', chunk => {
        words = (words + String(chunk)).slice(-4000)
      })
      started.on('exit', code => {
        if (started !== child) return
        endedByItself++
        words += `\n${name} ended by itself with ${code}`
      })
      child = started
    },
    kill: async () => void (await end('SIGKILL')),
    terminate: () => end('SIGTERM'),
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    residentBytes: async () => (child?.pid === undefined ? undefined : await residentBytesOf(child.pid)),
    lastWords: () => words,
    get endedByItself() {
      return endedByItself
    },
  }
}

const pageBytes = 4096

/** Linux only: elsewhere, and for a process that has just gone, there is no figure. */
async function residentBytesOf(pid: number): Promise<number | undefined> {
  const statm = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => undefined)
  const pages = Number(statm?.split(' ')[1])
  return Number.isFinite(pages) ? pages * pageBytes : undefined
}
