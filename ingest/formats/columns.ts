/**
 * `…/columns`: readings as indices into the list of the gateway's birth message (contracts/columns.ts).
 */
import { type ColumnsMessage, formatColumns, parseColumns } from '@forewarn/contracts/columns'
import type { Births } from '../births.ts'
import { judgeColumns } from '../judge.ts'
import { type Format, refused } from './format.ts'

export interface ColumnsParts {
  readonly births: Births
  /** Asks the gateway to say its birth again. */
  readonly askRebirth: (gatewayId: string) => void
}

/** Columns of numbers; their sensors are named by the birth message that they belong to. */
export function columnsFormat({ births, askRebirth }: ColumnsParts): Format {
  return ({ gateway, payload }, arrival) => {
    const message = parseColumns(textOf(payload))
    if (typeof message === 'string') return refused('bad-columns', message)
    const list = births.list(gateway, message.birth)
    if (list === undefined) {
      askRebirth(gateway)
      const detail = `the sensor list of birth ${message.birth} is not known here`
      return { ...refused('unknown-birth', detail), readings: message.i.length, sequence: message.seq }
    }
    return {
      kind: 'readings',
      ...judgeColumns(message, list, arrival),
      excerpt: places => excerptOf(message, places),
    }
  }
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8')
}

/** The others are told to be none: an index below the list, which is passed over on release. */
function excerptOf(message: ColumnsMessage, places: ReadonlySet<number>): Uint8Array {
  const none = (column: readonly (number | null)[], place: number) => (places.has(place) ? (column[place] ?? null) : 0)
  const { i, v } = message
  return Buffer.from(
    formatColumns({
      ...message,
      i: i.map((index, place) => (places.has(place) ? index : -1)),
      v: v.map((_, place) => none(v, place)),
    }),
  )
}
