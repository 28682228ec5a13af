/**
 * A PostgreSQL inside the house, for `npm start` without servers: PGlite in a thread of its own, reached by an
 * ordinary URL, so that everything else uses plain `pg` and never knows which one it talks to.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { type Log, silentLog } from './log.ts'

export interface EmbeddedPostgres {
  /** postgres://… on loopback, with a password that only this process knows. */
  readonly url: string
  /**
   * Copies the folder as it is at one moment into `dir`, which must not exist; a database opened there has what was
   * committed. Queries wait meanwhile: some 200 ms for a small one.
   */
  copyTo(dir: string): Promise<void>
  /** Closes every connection and the database. What was committed is on disk already. */
  stop(): Promise<void>
}

/**
 * Starts it on `dir`, which is created when missing (some 40 MB, about 3 s; afterwards a start takes 0.3 s).
 * Everything committed survives kill -9. One process per folder. Throws when the folder cannot be opened.
 */
export async function startEmbeddedPostgres({
  dir,
  log = silentLog(),
}: {
  dir: string
  log?: Log
}): Promise<EmbeddedPostgres> {
  if (!existsSync(join(dir, 'PG_VERSION'))) await createFolder(dir, log)
  const password = randomBytes(24).toString('base64url')
  let stopping = false
  let server = await serve({ dir, password, port: 0 })
  const startAgain = async () => {
    if (stopping) return
    try {
      // The same port and password: pools reconnect by themselves, and what was committed is read from its log.
      server = await serve({ dir, password, port: server.port })
      watch()
    } catch (error) {
      log.error('embedded-postgres-not-restarted', { reason: String(error) })
      setTimeout(startAgain, restartPauseMs)
    }
  }
  const watch = () => {
    server.worker.once('exit', code => {
      if (stopping) return
      log.error('embedded-postgres-died', { code })
      setTimeout(startAgain, restartPauseMs)
    })
  }
  watch()
  log.info('embedded-postgres-started', { dir, port: server.port })
  return {
    url: `postgres://forewarn:${password}@127.0.0.1:${server.port}/postgres`,
    copyTo: dir => copied(server.worker, dir),
    async stop() {
      stopping = true
      await ended(server.worker, worker => worker.postMessage('stop'))
    },
  }
}

const restartPauseMs = 500

const Copied = z.object({ copied: z.string(), trouble: z.string().optional() })

function copied(worker: Worker, dir: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (deed: () => void) => {
      worker.off('message', hear)
      worker.off('exit', die)
      deed()
    }
    const hear = (message: unknown) => {
      const { data } = Copied.safeParse(message)
      if (data?.copied !== dir) return
      done(
        data.trouble === undefined ? resolve : () => reject(new Error(`copy the database to ${dir}: ${data.trouble}`)),
      )
    }
    const die = () => done(() => reject(new Error('the database ended while it was copied')))
    worker.on('message', hear)
    worker.once('exit', die)
    worker.postMessage({ copyTo: dir })
  })
}

interface Serving {
  readonly worker: Worker
  readonly port: number
}

const Listening = z.object({ port: z.number() })

async function serve(task: { dir: string; password: string; port: number }): Promise<Serving> {
  const worker = startWorker({ task: 'serve', ...task })
  const message = await new Promise<unknown>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', cause => reject(new Error(`open the database in ${task.dir}`, { cause })))
    worker.once('exit', code => reject(new Error(`the database in ${task.dir} ended with ${code} before it was open`)))
  })
  worker.removeAllListeners('exit')
  return { worker, port: Listening.parse(message).port }
}

/** Under another name first: a creation that was cut off must not look like a database. */
async function createFolder(dir: string, log: Log): Promise<void> {
  const unfinished = `${dir}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(dirname(unfinished), { recursive: true })
  await mkdir(unfinished, { mode: 0o700 })
  log.info('embedded-postgres-created', { dir })
  // In a thread that ends afterwards: creating takes 500 MB for a moment, and they go with it.
  await ended(startWorker({ task: 'create', dir: unfinished }), () => undefined)
  await rm(dir, { recursive: true, force: true })
  await rename(unfinished, dir)
}

function startWorker(workerData: Record<string, unknown>): Worker {
  return new Worker(new URL('./embedded-postgres-worker.ts', import.meta.url), {
    workerData,
    // Not the flags of whoever started us (`--input-type`, `--test` …): they would be about another file.
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 },
  })
}

/** Does `deed` and resolves when the thread has ended; rejects when it ended badly. */
function ended(worker: Worker, deed: (worker: Worker) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', code => (code === 0 ? resolve() : reject(new Error(`the thread ended with ${code}`))))
    deed(worker)
  })
}
