/**
 * Getting lines into InfluxDB, every one of them or an error: blocks in turn, a bad line found by halving and set
 * aside, everything else left to the caller, who has the journal and tries again.
 */
import { HttpError } from '@influxdata/influxdb-client'
import { StoreError } from '../reading-store.ts'
import { type Lane, troubleOf } from './client.ts'

/** Lines that InfluxDB will never take. `line` is the first of them. */
export interface Poison {
  readonly line: string
  readonly lines: number
  readonly reason: 'not-readable' | 'beyond-retention'
  /** What InfluxDB said. */
  readonly detail: string
}

export type OnPoison = (poison: Poison) => void

/** InfluxDB's own advice is 5,000 to 10,000 lines; larger blocks cost it less and stay far below its 25 MB. */
const blockLines = 20_000
/** More bad lines than this in one block are no bad lines: something is wrong with the server or with us. */
const poisonLinesMax = 100

/** Sends lines in order. Rejects with a StoreError; then some may be stored, and sending all again is safe. */
export async function sendLines(lane: Lane, lines: readonly string[], onPoison: OnPoison): Promise<void> {
  for (let from = 0; from < lines.length; from += blockLines) {
    let bad = 0
    await sendBlock(lane, lines.slice(from, from + blockLines), poison => {
      bad += poison.reason === 'not-readable' ? poison.lines : 0
      if (bad > poisonLinesMax)
        throw new StoreError('store-refused', `InfluxDB refuses line after line: ${poison.detail}`)
      onPoison(poison)
    })
  }
}

async function sendBlock(lane: Lane, lines: readonly string[], onPoison: OnPoison): Promise<void> {
  const refusal = await tryBlock(lane, lines)
  if (refusal === undefined) return
  if (refusal.reason === 'beyond-retention') return onPoison({ ...refusal, line: lines[0] ?? '' })
  if (lines.length === 1) return onPoison({ ...refusal, lines: 1, line: lines[0] ?? '' })
  // The good lines of a refused block are stored already, in 1.x and 2.x: sending them again overwrites them.
  const middle = Math.ceil(lines.length / 2)
  await sendBlock(lane, lines.slice(0, middle), onPoison)
  await sendBlock(lane, lines.slice(middle), onPoison)
}

type Refusal = Omit<Poison, 'line'>

/** Undefined when the block was taken, why when lines in it were not. Rejects with a StoreError for all else. */
async function tryBlock(lane: Lane, lines: readonly string[]): Promise<Refusal | undefined> {
  try {
    await lane.send(lines.join('\n'))
    return undefined
  } catch (cause) {
    const refusal = cause instanceof HttpError ? refusalOf(cause, lines.length) : undefined
    if (refusal === undefined) throw explained(troubleOf(cause))
    return refusal
  }
}

/** Statuses that may be about lines: 400 and 422 for what they say, 413 for how many they are. */
const aboutLines = [400, 413, 422]
const saysLines = /pars|partial write|line protocol|field type|invalid (field|number|tag|boolean|timestamp)|too large/i
const saysRetention = /beyond retention|outside (the )?retention|retention policy/i

function refusalOf({ statusCode, body = '' }: HttpError, lines: number): Refusal | undefined {
  if (!aboutLines.includes(statusCode) || saysTagLimit.test(body)) return undefined
  const detail = `${statusCode} ${body}`.slice(0, 500)
  if (saysRetention.test(body)) {
    const dropped = Number(/dropped=(\d+)/.exec(body)?.[1] ?? lines)
    return { reason: 'beyond-retention', lines: dropped, detail }
  }
  if (statusCode === 413 || saysLines.test(body)) return { reason: 'not-readable', lines, detail }
  return undefined
}

const saysTagLimit = /max-values-per-tag|max-series-per-database/

/** The limit of 1.x refuses every new sensor from the 100,001st on: no line is wrong, the server's setting is. */
function explained(trouble: StoreError): StoreError {
  if (!saysTagLimit.test(trouble.message)) return trouble
  const remedy =
    'set index-version = "tsi1" under [data] in influxdb.conf and convert the index (influx_inspect buildtsi)'
  return new StoreError('store-refused', `InfluxDB takes no more sensors: ${remedy}; it said: ${trouble.message}`, {
    cause: trouble,
  })
}
