/**
 * How a batch is said: SenML or columns, packed or not. Pure. One batch is one message under one sequence number,
 * whichever way it goes.
 */
import { constants, zstdCompressSync } from 'node:zlib'
import { formatColumns } from '@forewarn/contracts/columns'
import { formatSenml, type SenmlReading } from '@forewarn/contracts/senml'
import type { Packing } from '@forewarn/contracts/topics'
import type { OutboxBatch } from '../outbox/batch-record.ts'

export interface Wording {
  readonly format: 'senml' | 'columns'
  /** Every byte costs: readings travel packed. */
  readonly metered: boolean
}

/** The names that the house has been told, and the number of the birth message that told them. */
export interface DeclaredNames {
  readonly birth: number
  readonly indexOf: ReadonlyMap<string, number>
}

export interface WordedBatch {
  readonly channel: 'readings' | 'columns'
  readonly packing: Packing | undefined
  readonly payload: string | Buffer
}

/**
 * The message for a batch. Columns hold neither units nor qualities and only names that were declared: a batch with
 * anything else in it goes as SenML. `declared` is undefined while the house may not know the list.
 */
export function wordBatch(
  batch: OutboxBatch,
  { backlog, wording, declared }: { backlog: boolean; wording: Wording; declared: DeclaredNames | undefined },
): WordedBatch {
  const { sequence, readings } = batch
  const columns =
    wording.format === 'columns' && declared !== undefined
      ? inColumns(readings, { declared, sequence, backlog })
      : undefined
  const text = columns ?? formatSenml(readings, { sequence, backlog })
  const channel = columns === undefined ? 'readings' : 'columns'
  if (!wording.metered) return { channel, packing: undefined, payload: text }
  // Level 1: the higher ones save a hundredth and cost half as much CPU again.
  const payload = zstdCompressSync(text, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  return { channel, packing: 'zstd', payload }
}

function inColumns(
  readings: readonly SenmlReading[],
  { declared, sequence, backlog }: { declared: DeclaredNames; sequence: number; backlog: boolean },
): string | undefined {
  const t = readings[0]?.timeMs
  const i: number[] = []
  const d: number[] = []
  const v: number[] = []
  let spread = false
  for (const { name, timeMs, value, unit, quality } of readings) {
    const index = declared.indexOf.get(name)
    const plain = unit === undefined && (quality === undefined || quality === 'good') && Number.isFinite(value)
    if (index === undefined || !plain || t === undefined) return undefined
    i.push(index)
    d.push(timeMs - t)
    v.push(value)
    if (timeMs !== t) spread = true
  }
  return formatColumns({ birth: declared.birth, seq: sequence, backlog, t, i, d: spread ? d : undefined, v })
}
