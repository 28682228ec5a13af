/** The embedded store's thread: it takes questions from `embedded.ts`, and DuckDB never runs anywhere else. */
import { parentPort } from 'node:worker_threads'
import { EmbeddedEngine } from './embedded-engine.ts'
import type { AnswerMessage, Ask, AskMessage, Result } from './embedded-messages.ts'
import type { StoreTrouble } from './reading-store.ts'

let engine: EmbeddedEngine | undefined

async function answer(ask: Ask): Promise<Result> {
  if (ask.kind === 'open') {
    engine = await EmbeddedEngine.open(ask.options)
    return { numbers: Float64Array.from(engine.keys) }
  }
  if (engine === undefined) throw new Error('the store is not open')
  return await answerFrom(engine, ask)
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
    says: /not a valid duckdb|corrupt|checksum|layout \d|serialization|database has been invalidated/i,
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
    (error: unknown) => send({ id, trouble: troubleOf(error) }),
  )
})
