/**
 * One line in, one verdict out: of all ways to read the line, the one that the decoder can use.
 */
import { type Decoded, type Frame, type FrameDecoder, refused } from '@forewarn/protocols/frame-decoder'
import { type FrameContext, framesOfLine } from './frames-of-line.ts'
import { type Line, longestLineBytes } from './lines-in.ts'

/** Decodes a line. Never throws: a line that breaks a decoder is told as refused, and the next one goes on. */
export function decodeLine({ bytes, cut }: Line, decoder: FrameDecoder, context: FrameContext): Decoded {
  if (cut) return refused(`the line is longer than ${longestLineBytes} bytes`)
  const refusals: { readonly decoded: Decoded; readonly frame: Frame }[] = []
  for (const frame of framesOfLine(bytes, context)) {
    const decoded = verdictOf(() => decoder.decode(frame))
    if (decoded.ok) return decoded
    refusals.push({ decoded, frame })
  }
  const nothing = verdictOf(() => decoder.decode(context))
  // Of several refusals that of the likeliest reading counts, unless the decoder did not even look at it, as one of
  // binary frames at a text; or unless base64 makes more sense of the line than its letters do.
  const looked = refusals.filter(({ decoded }) => decoded.error !== nothing.error)
  const [first, ...others] = looked.length > 0 ? looked : refusals
  const better = others.find(({ decoded, frame }) => frame.bytes !== undefined && decoded.expect !== 'reject')
  const isLetters = first?.frame.text !== undefined && first.decoded.expect === 'reject'
  return (isLetters ? better : undefined)?.decoded ?? first?.decoded ?? refused('the line is empty')
}

function verdictOf(decode: () => Decoded): Decoded {
  try {
    return decode()
  } catch (error) {
    // A decoder must not throw; when one does all the same, the stream goes on and the line says so.
    return refused(`the decoder broke on this frame: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** A verdict as one line of JSON. */
export function jsonLine({ ok, records, expect, error }: Decoded): string {
  const line = { ok, records, ...(error === undefined ? {} : { error }), expect }
  try {
    return JSON.stringify(line)
  } catch {
    // Only a bigint is refused by JSON.stringify: exact as a decimal text.
    return JSON.stringify(line, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  }
}

/** A verdict for people: what was made of the line, then each record. */
export function textLines({ records, expect, error }: Decoded): string {
  const heading = error === undefined ? expect : `${expect}: ${error}`
  return [heading, ...records.map(record => indented(record))].join('\n')
}

function indented(record: unknown): string {
  const json = JSON.stringify(record, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value), 2)
  return (json ?? String(record)).replace(/^/gm, '  ')
}
