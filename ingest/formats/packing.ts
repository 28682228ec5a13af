/**
 * Payloads packed for metered uplinks (`…/zstd`): unpacked within a bound, so that a few bytes cannot become a
 * gigabyte.
 */
import { zstdDecompressSync } from 'node:zlib'
import { type Format, refused } from './format.ts'

/** Some hundred times what the largest batch takes. */
const unpackedAtMostBytes = 4 * 1024 * 1024

/** The same format for payloads that are one Zstandard frame. */
export function packedWithZstd(format: Format): Format {
  return (publish, arrival) => {
    const payload = unpacked(publish.payload)
    return typeof payload === 'string' ? refused(...wrong(payload)) : format({ ...publish, payload }, arrival)
  }
}

function wrong(code: string): ['too-large' | 'bad-packing', string] {
  return code === 'ERR_BUFFER_TOO_LARGE'
    ? ['too-large', `the payload unpacks to more than ${unpackedAtMostBytes / 1024 / 1024} MB`]
    : ['bad-packing', `the payload is no whole Zstandard frame (${code})`]
}

/** The bytes, or the code of what went wrong. Inflating ends at the bound. */
function unpacked(payload: Uint8Array): Uint8Array | string {
  try {
    return zstdDecompressSync(payload, { maxOutputLength: unpackedAtMostBytes })
  } catch (cause) {
    return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  }
}
