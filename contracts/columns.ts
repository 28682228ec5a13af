/**
 * Readings in columns, the compact way up: `…/columns`. Names are declared once, at `…/birth`; from then on a sensor
 * is its index in that list. One JSON object, some 14 bytes a reading; every reading of a big gateway crosses this
 * file, so nothing here looks at a value twice.
 */

/** The payload, as JSON says it. All columns have the same length. */
export interface ColumnsMessage {
  /** Number of the birth message whose sensor list `i` counts in. */
  readonly birth: number
  /** The gateway's own number for this batch, counted up by one across `readings` and `columns`; -1 when it gave none. */
  readonly seq: number
  /** The batch waited in the outbox while the uplink was down. */
  readonly backlog: boolean
  /** Base time, UTC ms; undefined when the gateway has no clock: then the time of arrival counts. */
  readonly t: number | undefined
  /** Index of each sensor in the birth message's list, from 0. */
  readonly i: readonly number[]
  /** Milliseconds after `t`, for each reading; undefined when all are of `t`. */
  readonly d: readonly number[] | undefined
  /** Values, in the unit of the sensor's quantity; null for a reading that failed. */
  readonly v: readonly (number | null)[]
  /** Quality of each reading, the code of contracts/reading.ts; left out when all are good. */
  readonly q?: readonly number[] | undefined
}

/** At most so many readings in one message. */
export const columnsAtMost = 5000

/**
 * Reads a columns payload. Returns a sentence saying what is wrong when it is none: nothing of it can be taken then,
 * for columns that do not line up give values to the wrong sensors. The elements of the columns are not looked at.
 */
export function parseColumns(text: string): ColumnsMessage | string {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch (error) {
    return `the payload is no JSON: ${error instanceof Error ? error.message : String(error)}`
  }
  if (typeof message !== 'object' || message === null || !('i' in message) || !('v' in message))
    return 'the payload has no columns i and v'
  const { birth, seq, backlog, t, i, d, v, q }: Partial<Record<keyof ColumnsMessage, unknown>> = message
  if (!isColumn(i) || !isColumn(v)) return 'i and v must be arrays'
  if (i.length !== v.length) return `i has ${i.length} elements and v has ${v.length}`
  if (i.length > columnsAtMost) return `${i.length} readings in one message, ${columnsAtMost} are allowed`
  if (d !== undefined && (!isColumn(d) || d.length !== i.length)) return `d must be an array of ${i.length} elements`
  if (q !== undefined && (!isColumn(q) || q.length !== i.length)) return `q must be an array of ${i.length} elements`
  if (t !== undefined && typeof t !== 'number') return 't must be a number of milliseconds'
  if (typeof birth !== 'number' || !Number.isSafeInteger(birth)) return 'birth must be the number of a birth message'
  const sequence = typeof seq === 'number' && Number.isSafeInteger(seq) ? seq : -1
  return { birth, seq: sequence, backlog: backlog === true, t, i, d, v, q }
}

/** JSON's arrays, without a look at every element: whoever reads one checks what it takes out. */
function isColumn(value: unknown): value is number[] {
  return Array.isArray(value)
}

/** Writes a columns payload. */
export function formatColumns({ birth, seq, backlog, t, i, d, v, q }: ColumnsMessage): string {
  return JSON.stringify({ birth, ...(seq < 0 ? {} : { seq }), ...(backlog ? { backlog } : {}), t, i, d, v, q })
}
