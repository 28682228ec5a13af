/**
 * InfluxDB line protocol, writing, on the command line and in the vectors: a point in JSON in, its line out.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { exactJsonOf } from '../json-text.ts'
import { formatPoint } from '../line-protocol/format.ts'
import { precisionOf } from '../line-protocol/point.ts'
import { parsePointJson } from '../line-protocol/point-json.ts'

export const lineProtocolEncodeDecoder: FrameDecoder = {
  protocol: 'line-protocol-encode',
  standard: 'InfluxDB line protocol v2, writing',
  decode,
}

function decode({ json, text, bytes, precision: unit = '1ns' }: Frame): Decoded {
  const precision = precisionOf(unit)
  if (precision === undefined) return refused(`precision ${unit} is none of 1ns, 1us, 1ms, 1s`)
  const point = parsePointJson(json ?? exactJsonOf(text ?? bytes))
  if (typeof point === 'string') return refused(point)
  const written = formatPoint(point, { precision })
  return typeof written === 'string' ? refused(written) : accepted(written)
}
