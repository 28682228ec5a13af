import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openQueue, openWorker, type QueueBackend, RefusedJob, type WorkerJob } from './queue.ts'
import { startTestPostgres } from './test-postgres.ts'
import { installed, startPostgres, startRedis, type TestServer } from './test-servers.ts'

async function startEmbedded(): Promise<TestServer> {
  const database = await startTestPostgres()
  return { url: database.url, stop: async () => database[Symbol.asyncDispose]() }
}

const redis = installed('redis-server')
const postgres = installed('postgres')
const never = () => Promise.reject(new Error('not installed'))

type Perform = (job: WorkerJob) => Promise<void>

let nextName = 0

/** A queue of its own with a worker that writes down what it did. */
async function openIn(backend: QueueBackend, perform: Perform = async () => undefined) {
  const name = `test-${nextName++}`
  const done: string[] = []
  const refused: string[] = []
  const changed = new EventTarget()
  const note = (list: string[], text: string) => {
    list.push(text)
    changed.dispatchEvent(new Event('change'))
  }
  const queue = await openQueue({ name, backend })
  const worker = await openWorker({
    ...{ name, backend },
    perform: async job => {
      await perform(job)
      note(done, job.jobId)
    },
    onRefused: (job, reason) => note(refused, `${job.jobId}: ${reason}`),
  })
  const until = async (fits: () => boolean) => {
    while (!fits()) await new Promise(resolve => changed.addEventListener('change', resolve, { once: true }))
  }
  const close = async () => {
    await worker.close()
    await queue.close()
  }
  return { queue, worker, done, refused, until, close }
}

const job = (jobId: string, more: { delayMs?: number; data?: unknown } = {}) => ({
  jobId,
  name: 'deed',
  data: {},
  ...more,
})

type Opened = Awaited<ReturnType<typeof openIn>>

async function burstThenOne({ queue, done, until }: Pick<Opened, 'queue' | 'done' | 'until'>, round: number) {
  await queue.add(Array.from({ length: 20 }, (_, i) => job(`burst-${round}-${i}`)))
  await until(() => done.length === round * 21 + 20)
  const addedMs = performance.now()
  await queue.add([job(`single-${round}`)])
  await until(() => done.includes(`single-${round}`))
  // BullMQ's own poll would take five seconds.
  expect(performance.now() - addedMs).toBeLessThan(3000)
}

describe.each([
  { name: 'embedded PostgreSQL', kind: 'postgres' as const, start: startEmbedded, missing: false },
  {
    name: 'PostgreSQL server',
    kind: 'postgres' as const,
    start: postgres ? () => startPostgres(postgres) : never,
    missing: postgres === undefined,
  },
  {
    name: 'Redis',
    kind: 'redis' as const,
    start: redis ? () => startRedis(redis) : never,
    missing: redis === undefined,
  },
])('the queue on $name', ({ kind, start, missing }) => {
  let server: TestServer | undefined
  let backend: QueueBackend
  beforeAll(async () => {
    if (missing) return
    server = await start()
    backend = { kind, url: server.url }
  })
  afterAll(() => server?.stop())

  const open = (perform?: Perform) => openIn(backend, perform)

  test.skipIf(missing)('jobs are done in the order they were added', async () => {
    const { queue, done, until, close } = await open()
    await queue.add(['a', 'b', 'c', 'd'].map(id => job(id)))
    await until(() => done.length === 4)
    expect(done).toEqual(['a', 'b', 'c', 'd'])
    await close()
  })

  test.skipIf(missing)('a known id is not done twice, neither while it waits nor after it was done', async () => {
    const { queue, done, until, close } = await open()
    await queue.add([job('once'), job('once')])
    await until(() => done.length === 1)
    await queue.add([job('once')])
    await queue.add([job('last')])
    await until(() => done.includes('last'))
    expect(done).toEqual(['once', 'last'])
    await close()
  })

  test.skipIf(missing)('a delayed job waits, and wakes an idle worker when it is due', async () => {
    const { queue, done, until, close } = await open()
    const addedMs = performance.now()
    await queue.add([job('later', { delayMs: 300 }), job('now')])
    await until(() => done.length === 2)
    expect(done).toEqual(['now', 'later'])
    expect(performance.now() - addedMs).toBeGreaterThanOrEqual(295)
    await close()
  })

  test.skipIf(missing)('what fails is tried again; what is refused is not, and says why', async () => {
    const attempts: number[] = []
    const { queue, done, refused, until, close } = await open(async ({ jobId, attempt }) => {
      if (jobId === 'refused') throw new RefusedJob('it is purple')
      attempts.push(attempt)
      if (attempt < 3) throw new Error('the database is away')
    })
    await queue.add([job('stubborn'), job('refused')])
    await until(() => done.length === 1 && refused.length === 1)
    expect(attempts).toEqual([1, 2, 3])
    expect(refused).toEqual(['refused: it is purple'])
    expect(await queue.counts()).toMatchObject({ failed: 1, waiting: 0, delayed: 0 })
    await close()
  })

  test.skipIf(missing)('a worker that sleeps is woken at once, also right after a burst', async () => {
    const { queue, done, until, close } = await open()
    for (const round of [0, 1, 2]) await burstThenOne({ queue, done, until }, round)
    await close()
  })

  test.skipIf(missing)('data comes out as it went in', async () => {
    const seen: unknown[] = []
    const { queue, done, until, close } = await open(async ({ data }) => void seen.push(data))
    const data = { title: { zh: '下立交积水', en: 'Standing “water”' }, list: [1, 2.5, null], deep: { yes: true } }
    await queue.add([job('data', { data })])
    await until(() => done.length === 1)
    expect(seen).toEqual([data])
    await close()
  })
})
