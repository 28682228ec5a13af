/**
 * SenML on the command line and in the vectors: a pack as JSON, as text, or as bytes of JSON or CBOR.
 */
import { accepted, type Decoded, type Frame, type FrameDecoder, refused } from '../frame-decoder.ts'
import { jsonOf } from '../json-text.ts'
import { cborEntries } from './cbor-pack.ts'
import { resolvePack } from './resolve-pack.ts'

export const senmlDecoder: FrameDecoder = { protocol: 'senml', standard: 'RFC 8428 (JSON and CBOR)', decode }

function decode(frame: Frame): Decoded {
  const entries = entriesOf(frame)
  if (typeof entries === 'string') return refused(entries)
  const pack = resolvePack(entries, frame.receivedAtMs)
  if (typeof pack === 'string') return refused(pack)
  const { resolved, faults } = pack
  if (faults.length === 0) return accepted({ resolved })
  const error = faults.map(({ index, detail }) => `record ${index}: ${detail}`).join('; ')
  // The good records of a pack count although others of it do not.
  return resolved.length === 0 ? refused(error) : { ...accepted({ resolved }), error }
}

function entriesOf({ bytes, text, json }: Frame): readonly unknown[] | string {
  // A pack is an array, and an array of CBOR never begins with a bracket or a blank of JSON.
  if (bytes !== undefined && !looksLikeJson(bytes)) return cborEntries(bytes)
  const value = json ?? jsonOf(text ?? bytes)
  return Array.isArray(value) ? value : 'no SenML pack: a pack is a JSON or CBOR array of records'
}

function looksLikeJson(bytes: Uint8Array): boolean {
  const [first] = bytes
  return first === 0x5b || first === 0x20 || first === 0x0a || first === 0x0d || first === 0x09
}
