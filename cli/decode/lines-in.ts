/**
 * Standard input as lines of bytes, one chunk at a time, so that memory stays flat however long the input is.
 */

/** A longer line is cut there and told apart: nothing that we decode is so long. */
export const longestLineBytes = 16 * 1024 * 1024

export interface Line {
  /** Without its end of line. */
  readonly bytes: Uint8Array
  /** It was longer than `longestLineBytes`, and only its beginning is here. */
  readonly cut: boolean
}

const newline = 0x0a
const carriageReturn = 0x0d

/** The lines of a stream, those of one chunk together; the last line needs no end. Empty lines are left out. */
export async function* linesIn(input: AsyncIterable<unknown>): AsyncGenerator<Line[]> {
  const pending: Pending = { pieces: [], bytes: 0 }
  for await (const chunk of input) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    if (!(bytes instanceof Uint8Array)) continue
    const lines = splitChunk(bytes, pending)
    if (lines.length > 0) yield lines
  }
  const last = pending.bytes > 0 ? taken(pending) : undefined
  if (last !== undefined && last.bytes.length > 0) yield [last]
}

interface Pending {
  pieces: Uint8Array[]
  /** How many bytes the line has so far, also those beyond the limit, which are not kept. */
  bytes: number
}

function splitChunk(chunk: Uint8Array, pending: Pending): Line[] {
  const lines: Line[] = []
  let start = 0
  for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
    keep(chunk.subarray(start, end), pending)
    const line = taken(pending)
    if (line.bytes.length > 0) lines.push(line)
    start = end + 1
  }
  // A copy: the rest must not hold on to the whole chunk, which the stream may use again.
  if (start < chunk.length) keep(Uint8Array.from(chunk.subarray(start)), pending)
  return lines
}

function keep(piece: Uint8Array, pending: Pending): void {
  const room = longestLineBytes - pending.bytes
  if (room > 0) pending.pieces.push(piece.length <= room ? piece : piece.subarray(0, room))
  pending.bytes += piece.length
}

function taken(pending: Pending): Line {
  const [only, ...more] = pending.pieces
  const whole = more.length === 0 ? (only ?? new Uint8Array()) : Buffer.concat(pending.pieces)
  const cut = pending.bytes > longestLineBytes
  pending.pieces = []
  pending.bytes = 0
  return { bytes: whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole, cut }
}
