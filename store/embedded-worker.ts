/** The embedded store's thread: it takes questions from `embedded.ts`, and DuckDB never runs anywhere else. */
import { parentPort } from 'node:worker_threads'
import { EmbeddedEngine } from './embedded-engine.ts'
import type { AnswerMessage, Ask, AskMessage, EngineOptions, Result } from './embedded-messages.ts'
import type { StoreTrouble } from './reading-store.ts'

let options: EngineOptions | undefined
let engine: Promise<EmbeddedEngine> | undefined

async function answer(ask: Ask): Promise<Result> {
  if (ask.kind === 'open') {
    options = ask.options
    const { keys } = await openEngine()
    return { numbers: Float64Array.from(keys) }
  }
  return await answerFrom(await openEngine(), ask)
}

function openEngine(): Promise<EmbeddedEngine> {
  if (options === undefined) return Promise.reject(new Error('the store was never opened'))
  engine ??= EmbeddedEngine.open(options).catch(error => {
    engine = undefined
    throw error
  })
  return engine
}

/**
 * After an error of the disk (a full one, mostly) DuckDB refuses everything until the file is opened anew. So it is,
 * at the next question: what was acknowledged is in its write-ahead log, and the caller writes the rest again.
 */
async function giveUpEngine(error: unknown): Promise<void> {
  if (engine === undefined || !/database has been invalidated|FATAL/.test(String(error))) return
  const broken = engine
  engine = undefined
  await broken.then(open => open.abandon())
}

async function answerFrom(open: EmbeddedEngine, ask: Exclude<Ask, { kind: 'open' }>): Promise<Result> {
  switch (ask.kind) {
    case 'write':
      await open.write(ask.columns)
      return {}
    case 'latest':
      return { numbers: open.latest(ask.keys) }
    case 'series':
      return { numbers: await open.series(ask.query) }
    case 'count':
      return { numbers: Float64Array.of(await open.count(ask.range)) }
    case 'retain':
      await open.retain(ask.olderThanMs)
      return {}
    case 'copy':
      await open.copyTo(ask.dir)
      return {}
    case 'health':
      return { checks: await open.health() }
    case 'close':
      await open.close()
      return {}
  }
}

/** DuckDB says what went wrong in words only. */
const troubles: readonly { readonly says: RegExp; readonly code: StoreTrouble }[] = [
  { says: /could not set lock|conflicting lock/i, code: 'store-locked' },
  { says: /no space left|disk quota|out of disk/i, code: 'store-full' },
  { says: /permission denied|read-only|not a directory|is a directory/i, code: 'store-folder-unusable' },
  {
    says: /not a valid duckdb|corrupt|checksum|layout \d|serialization/i,
    code: 'store-damaged',
  },
]

function troubleOf(error: unknown): { code: StoreTrouble; message: string } {
  const message = error instanceof Error ? error.message : String(error)
  return { code: troubles.find(({ says }) => says.test(message))?.code ?? 'store-failed', message }
}

parentPort?.on('message', ({ id, ask }: AskMessage) => {
  const send = (message: AnswerMessage) =>
    parentPort?.postMessage(message, message.result?.numbers ? [message.result.numbers.buffer] : [])
  answer(ask).then(
    result => send({ id, result }),
    async (error: unknown) => {
      await giveUpEngine(error)
      send({ id, trouble: troubleOf(error) })
    },
  )
})
