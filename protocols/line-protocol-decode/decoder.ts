/**
 * InfluxDB line protocol, reading, on the command line and in the vectors: a text of any number of lines.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { parseLines } from '../line-protocol/parse.ts'
import { precisionOf } from '../line-protocol/point.ts'
import { pointRecord } from '../line-protocol/point-json.ts'

export const lineProtocolDecodeDecoder: FrameDecoder = {
  protocol: 'line-protocol-decode',
  standard: 'InfluxDB line protocol v2, reading',
  decode,
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode({ text, bytes, precision: unit = '1ns', defaultTime, receivedAtMs }: Frame): Decoded {
  const lines = text ?? textOf(bytes)
  if (lines === undefined) return refused('line protocol is UTF-8 text')
  const precision = precisionOf(unit)
  if (precision === undefined) return refused(`precision ${unit} is none of 1ns, 1us, 1ms, 1s`)
  const defaultTimeNs = defaultTimeOf(defaultTime, receivedAtMs)
  if (defaultTimeNs === 'wrong') return refused(`default time ${defaultTime} is no whole number of ns`)
  const points = parseLines(lines, { precision, defaultTimeNs })
  return typeof points === 'string' ? refused(points) : accepted({ points: points.map(pointRecord) })
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  try {
    return bytes === undefined ? undefined : utf8.decode(bytes)
  } catch {
    return undefined // no UTF-8: the caller says so
  }
}

function defaultTimeOf(text: string | undefined, receivedAtMs: number | undefined): bigint | 'wrong' | undefined {
  if (text !== undefined) return /^-?\d{1,19}$/.test(text) ? BigInt(text) : 'wrong'
  return receivedAtMs === undefined ? undefined : BigInt(Math.round(receivedAtMs)) * 1_000_000n
}
