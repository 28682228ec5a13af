/**
 * The thread that PGlite lives in: it blocks for the length of a query, so nothing else may share its event loop.
 * `create` makes the data folder and ends; `serve` opens it and serves the wire protocol until it is told to stop.
 */
import { cpSync, fsyncSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import { z } from 'zod'
import { startTurnServer } from './postgres-turns.ts'

const Task = z.discriminatedUnion('task', [
  z.object({ task: z.literal('create'), dir: z.string() }),
  z.object({ task: z.literal('serve'), dir: z.string(), password: z.string(), port: z.number() }),
])

// Measured: TurboFan compiling PostgreSQL takes 400–500 MB and makes 200 small updates no faster; the baseline
// compiler alone keeps the whole thread at 100 MB. Must be set before the module is compiled.
for (const flag of ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering', '--liftoff-only']) setFlagsFromString(flag)

const { PGlite } = await import('@electric-sql/pglite')

/** PGlite's own start parameters, without -F (no fsync), and with the memory of a house and not of a server. */
const startParams = [
  '--single',
  '-O',
  '-j',
  ...settings({
    search_path: 'public',
    exit_on_error: 'false',
    log_checkpoints: 'false',
    max_worker_processes: '0',
    max_parallel_workers: '0',
    max_parallel_workers_per_gather: '0',
    max_parallel_maintenance_workers: '0',
    io_method: 'sync',
    shared_buffers: '8MB',
    wal_buffers: '1MB',
    work_mem: '2MB',
    maintenance_work_mem: '8MB',
    // Emscripten answers fdatasync without doing anything, but passes fsync on.
    wal_sync_method: 'fsync',
  }),
]

function settings(values: Record<string, string>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

const NodeFiles = z.object({ stream_ops: z.custom<Record<string, unknown>>(ops => typeof ops === 'object') })
const Stream = z.object({ nfd: z.number() })

/** Emscripten's file system on Node has no fsync; without it a power cut could lose what was committed. */
function makeDurable(db: InstanceType<typeof PGlite>): void {
  const { stream_ops: operations } = NodeFiles.parse(Reflect.get(db.Module.FS.filesystems, 'NODEFS'))
  operations['fsync'] = (stream: unknown) => {
    fsyncSync(Stream.parse(stream).nfd)
    return 0
  }
}

async function serve({ dir, password, port }: { dir: string; password: string; port: number }): Promise<void> {
  const db = await PGlite.create({ dataDir: dir, startParams })
  makeDurable(db)
  const version = await db.query<{ server_version: string }>('SHOW server_version')
  const server = await startTurnServer({
    perform: frames => Buffer.from(db.execProtocolRawSync(frames)),
    serverVersion: version.rows[0]?.server_version ?? '18',
    password,
    port,
  })
  parentPort?.on('message', async (message: unknown) => {
    const { data: wanted } = Copy.safeParse(message)
    if (wanted !== undefined) return parentPort?.postMessage(await copyOf(db, dir, wanted.copyTo))
    await server.stop()
    await db.close()
    process.exit(0)
  })
  parentPort?.postMessage({ port: server.port })
}

const Copy = z.object({ copyTo: z.string() })

/** In one turn of this thread: no query can come in between, so the copy is of one moment. */
async function copyOf(db: InstanceType<typeof PGlite>, dir: string, copyTo: string) {
  try {
    await db.exec('CHECKPOINT')
    cpSync(dir, copyTo, { recursive: true, errorOnExist: true, force: false })
    return { copied: copyTo }
  } catch (error) {
    return { copied: copyTo, trouble: String(error) }
  }
}

async function create({ dir }: { dir: string }): Promise<void> {
  const db = await PGlite.create({ dataDir: dir, startParams })
  await db.close()
}

const task = Task.parse(workerData)
await (task.task === 'create' ? create(task) : serve(task))
