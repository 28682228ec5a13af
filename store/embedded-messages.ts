/** What the embedded store and its worker thread say to each other. Loads nothing of DuckDB into the main thread. */
import type { Check } from '@forewarn/contracts/health'
import type { ReadingColumns } from './columns.ts'
import type { SeriesQuery } from './queries.ts'
import type { StoreTrouble } from './reading-store.ts'
import type { WholeRange } from './whole-range.ts'

export interface EngineOptions {
  readonly dir: string
  readonly sensorIds: readonly string[]
  readonly memoryMb: number
  /** Rows that gather before they are settled: more rows read faster and take longer to settle. */
  readonly blockRows: number
}

/** Numbers for each key in an answer to `latest`: measured at (-Infinity when it never spoke), lag, value, quality. */
export const latestWidth = 4
/** Numbers for each point in an answer to `series`: time, min, mean, max, count, quality. */
export const pointWidth = 6

export type Ask =
  | { readonly kind: 'open'; readonly options: EngineOptions }
  | { readonly kind: 'write'; readonly columns: ReadingColumns }
  | { readonly kind: 'latest'; readonly keys: Uint32Array }
  | { readonly kind: 'series'; readonly query: SeriesQuery }
  | { readonly kind: 'count'; readonly range: WholeRange }
  | { readonly kind: 'retain'; readonly olderThanMs: number }
  | { readonly kind: 'copy'; readonly dir: string }
  | { readonly kind: 'health' }
  | { readonly kind: 'close' }

/** Every answer is numbers, checks, or nothing: what they mean follows from the question. */
export interface Result {
  readonly numbers?: Float64Array<ArrayBuffer>
  readonly checks?: Check[]
}

export interface AskMessage {
  readonly id: number
  readonly ask: Ask
}

export interface AnswerMessage {
  readonly id: number
  readonly result?: Result
  readonly trouble?: { readonly code: StoreTrouble; readonly message: string }
}
