/**
 * The queue between processes: BullMQ on Redis, or on PostgreSQL (a server or the embedded one). The only file that
 * knows BullMQ. A job id is a promise: adding the same id again changes nothing, also after the job was done.
 */
import { createPostgresBackend, type Job, Queue, UnrecoverableError, Worker } from 'bullmq'
import type { Log } from './log.ts'

/** Where the queue lives. */
export type QueueBackend =
  | { readonly kind: 'redis'; readonly url: string }
  | { readonly kind: 'postgres'; readonly url: string }

export interface QueueJob {
  /** Names the deed: the same id is done once. */
  readonly jobId: string
  readonly name: string
  /** Must survive JSON. */
  readonly data: unknown
  /** Wall-clock ms (from house time by `clock.wallDelayMs`) before a worker may take it. */
  readonly delayMs?: number
}

export interface JobQueue {
  /** Resolves when the jobs are kept by the backend. Jobs with a known id are left as they are. */
  add(jobs: readonly QueueJob[]): Promise<void>
  /** Jobs by state: waiting, active, delayed, completed, failed. */
  counts(): Promise<Record<string, number>>
  close(): Promise<void>
}

export interface QueueOpening {
  readonly name: string
  readonly backend: QueueBackend
  readonly log?: Log
}

/**
 * Opens a queue for adding. Resolves once the backend answers (PostgreSQL: and its tables exist).
 * Throws when it cannot be reached.
 */
export async function openQueue({ name, backend, log }: QueueOpening): Promise<JobQueue> {
  const queue = makeQueue(name, backend)
  queue.on('error', error => log?.warn('queue-troubled', { queue: name, reason: String(error) }))
  await queue.waitUntilReady()
  return {
    async add(jobs) {
      for (let from = 0; from < jobs.length; from += addedAtOnce) {
        await queue.addBulk(jobs.slice(from, from + addedAtOnce).map(bulkJobOf))
      }
    },
    counts: () => queue.getJobCounts('waiting', 'active', 'delayed', 'completed', 'failed'),
    close: () => queue.close(),
  }
}

const addedAtOnce = 500
const dayS = 24 * 60 * 60

/** Ids of finished jobs are kept this long: within it, adding one again changes nothing. */
const kept = {
  removeOnComplete: { age: 7 * dayS, count: 200_000 },
  removeOnFail: { age: 30 * dayS, count: 20_000 },
}

function bulkJobOf({ jobId, name, data, delayMs = 0 }: QueueJob) {
  const delay = Math.max(0, Math.round(delayMs))
  return { name, data, opts: { jobId, delay, attempts: manyAttempts, backoff: { type: 'custom' }, ...kept } }
}

// A store that is down for an afternoon must not cost a warning: at one attempt every 30 s this is a week.
const manyAttempts = 20_000
const longestBackOffMs = 30_000

function backOffMs(attemptsMade: number): number {
  return Math.min(longestBackOffMs, 100 * 2 ** Math.min(attemptsMade, 16))
}

export interface WorkerJob {
  readonly jobId: string
  readonly name: string
  readonly data: unknown
  /** 1 for the first try. */
  readonly attempt: number
}

/** Thrown by a worker's deed: this job can never be done; it goes to failed at once, with this message. */
export class RefusedJob extends UnrecoverableError {}

export interface WorkerOpening extends QueueOpening {
  /** Does one job. Whatever it throws but `RefusedJob` makes the job come again, later and later (up to 30 s). */
  readonly perform: (job: WorkerJob) => Promise<void>
  /** Jobs in hand at a time; 1 when their order matters. */
  readonly concurrency?: number
  readonly onRefused?: (job: WorkerJob, reason: string) => void
}

export interface JobWorker {
  /** Finishes what is in hand, then lets go. */
  close(): Promise<void>
}

/** Starts taking jobs. Resolves once it is connected. A job whose worker was killed comes again within 7 s. */
export async function openWorker(opening: WorkerOpening): Promise<JobWorker> {
  const { name, backend, log } = opening
  const worker = makeWorker(opening)
  worker.on('error', error => log?.warn('queue-troubled', { queue: name, reason: String(error) }))
  worker.on('failed', (job, error) => onFailed(opening, job, error))
  await worker.waitUntilReady()
  log?.info('worker-started', { queue: name, backend: backend.kind })
  return { close: () => worker.close() }
}

function onFailed({ name, log, onRefused }: WorkerOpening, job: Job | undefined, error: Error): void {
  const facts = { queue: name, job: job?.id, attempts: job?.attemptsMade, reason: error.message }
  if (!(error instanceof UnrecoverableError) || job === undefined) {
    log?.warn('job-failed', facts)
    return
  }
  log?.error('job-refused', facts)
  onRefused?.(workerJobOf(job), error.message)
}

function workerJobOf(job: Job): WorkerJob {
  return { jobId: job.id ?? '', name: job.name, data: job.data, attempt: job.attemptsMade + 1 }
}

function makeQueue(name: string, backend: QueueBackend) {
  if (backend.kind === 'redis') return new Queue(name, { connection: redisOptions(backend.url) })
  return new Queue(name, { connection: postgresOptions(backend.url) }, createPostgresBackend)
}

function makeWorker({ name, backend, perform, concurrency = 1 }: WorkerOpening) {
  const deed = (job: Job) => perform(workerJobOf(job))
  const options = {
    concurrency,
    // After kill -9 the job in hand is locked until this runs out; 30 s would be half of a red warning's limit.
    lockDuration: 4000,
    stalledInterval: 2000,
    // A crash is not the job's fault: it is never given up for having been in hand when one happened.
    maxStalledCount: 1000,
    settings: { backoffStrategy: backOffMs },
  }
  if (backend.kind === 'redis') return new Worker(name, deed, { ...options, connection: redisOptions(backend.url) })
  return new Worker(name, deed, { ...options, connection: postgresOptions(backend.url) }, createPostgresBackend)
}

function redisOptions(url: string) {
  return { url, maxRetriesPerRequest: null }
}

function postgresOptions(url: string) {
  return { connectionString: url, migrate: true, max: 4 }
}
