/**
 * Trace Context on the command line and in the vectors: one header's value, with or without its name before it.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { parseTraceparent, parseTracestate } from './header.ts'

export const tracecontextDecoder: FrameDecoder = { protocol: 'tracecontext', standard: 'W3C Trace Context', decode }

function decode({ text, bytes, kind }: Frame): Decoded {
  const written = text ?? (bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1'))
  if (written === undefined) return refused('a header is text')
  const [, named, rest] = /^(traceparent|tracestate)\s*:\s?(.*)$/is.exec(written) ?? []
  const header = rest ?? written
  const name = (kind ?? named)?.toLowerCase()
  // A traceparent has no =, and every member of a tracestate has one.
  const isState = name === undefined ? header.includes('=') : name === 'tracestate'
  if (isState) {
    const members = parseTracestate(header)
    return typeof members === 'string' ? refused(members) : accepted({ valid: true })
  }
  const parent = parseTraceparent(header)
  return typeof parent === 'string' ? refused(parent) : accepted(parent)
}
