/** Files of recordings, line by line: plain or gzip, any size; and the error that names file and line. */
import { createReadStream, existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { stormPath } from './shipped-storms.ts'

export type RecordingTrouble = 'no-such-file' | 'not-readable' | 'empty' | 'bad-line' | 'no-such-event'

/** A recording that cannot be used. The message is for a person: file, line, and what is wrong with it. */
export class RecordingError extends Error {
  override name = 'RecordingError'
  code: RecordingTrouble
  file: string
  line: number | undefined

  constructor(
    code: RecordingTrouble,
    { file, line, what, cause }: { file: string; line?: number; what: string; cause?: unknown },
  ) {
    super(`${file}${line === undefined ? '' : ` line ${line}`}: ${what}`, { cause })
    this.code = code
    this.file = file
    this.line = line
  }
}

export interface RecordingLine {
  readonly file: string
  /** From 1. */
  readonly number: number
  readonly json: unknown
}

/** The lines of a file, or of the shipped storm of that name. Throws RecordingError. */
export async function* linesOf(source: string): AsyncGenerator<RecordingLine> {
  const path = existsSync(source) ? source : stormPath(source)
  if (path === undefined) {
    throw new RecordingError('no-such-file', { file: source, what: 'neither a file nor a shipped storm' })
  }
  let number = 0
  try {
    for await (const text of textLinesOf(path)) {
      number += 1
      if (text.trim() !== '') yield { file: source, number, json: jsonOf(text, { file: source, line: number }) }
    }
  } catch (error) {
    if (error instanceof RecordingError) throw error
    const what = error instanceof Error ? error.message : String(error)
    throw new RecordingError('not-readable', { file: source, line: number + 1, what, cause: error })
  }
}

async function* textLinesOf(path: string): AsyncGenerator<string> {
  const bytes = createReadStream(path)
  // readline does not pass a stream's error on: without this a broken gzip would read as a short file.
  const { promise: broken, reject } = Promise.withResolvers<never>()
  broken.catch(() => {
    // Seen by the race below; nobody waits for it when the lines end well.
  })
  const input = path.endsWith('.gz')
    ? pipeline(bytes, createGunzip(), error => error && reject(error))
    : bytes.on('error', reject)
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await Promise.race([lines.next(), broken])
      if (next.done) break
      yield next.value
    }
    // The end of the lines and the error arrive in no certain order.
    await Promise.race([broken, new Promise(resolve => setImmediate(resolve))])
  } finally {
    bytes.destroy()
  }
}

function jsonOf(text: string, where: { file: string; line: number }): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new RecordingError('bad-line', { ...where, what: 'no JSON', cause })
  }
}
