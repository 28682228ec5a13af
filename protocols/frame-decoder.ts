/**
 * What every decoder of this room looks like from outside: one frame in, one verdict out, never an exception.
 * `forewarn decode <protocol>` is this interface on a command line, and the vectors are tested through it; the agent's
 * sources and ingest call the typed functions behind it.
 */

/**
 * What is to be done with a frame:
 * - `accept`: right, its records count
 * - `reject`: broken; nothing in it can be believed
 * - `incomplete`: wait for more bytes
 * - `quarantine`: checksum right, but it contradicts itself (its length): a person looks at it
 * - `accept-if-device-dialect-modbus`: right in a dialect that the device's profile must name
 * - `accept-frame-reject-position`: right, but its position is none: never on the map
 * - `accept-parse-only`: right, and we have no use for it
 * - `accept-then-request-rebirth`: right, but what it refers to is unknown: ask for it
 * - `spec-erratum`: the bytes follow a misprint of the specification, not its rule
 */
export const frameVerdicts = [
  'accept',
  'reject',
  'incomplete',
  'quarantine',
  'accept-if-device-dialect-modbus',
  'accept-frame-reject-position',
  'accept-parse-only',
  'accept-then-request-rebirth',
  'spec-erratum',
] as const
export type FrameVerdict = (typeof frameVerdicts)[number]

/** One frame as it came: exactly one of `bytes`, `parts`, `text` and `json` is there, the rest where the format needs it. */
export interface Frame {
  readonly bytes?: Uint8Array
  /** The packets of one message that came in several. */
  readonly parts?: readonly Uint8Array[]
  readonly text?: string
  readonly json?: unknown
  /** Of an MQTT message. */
  readonly topic?: string
  /** What the frame is called where a format has several kinds without saying which (a Sparkplug array, a CAP element). */
  readonly kind?: string
  /** Of line protocol: `1ns`, `1us`, `1ms`, `1s`, and the time of a line that has none, as a decimal text. */
  readonly precision?: string
  readonly defaultTime?: string
  /** When it arrived, UTC ms; formats with relative or zone-less times need it. */
  readonly receivedAtMs?: number
}

export interface Decoded {
  /** Whether the records may be used (under the condition that `expect` names, when it names one). */
  readonly ok: boolean
  /** What was in it, in the format's own field names. Empty when nothing could be read. */
  readonly records: readonly unknown[]
  readonly expect: FrameVerdict
  /** What is wrong, where, in a sentence; absent when all is well. */
  readonly error?: string
}

export interface FrameDecoder {
  /** As on the command line. */
  readonly protocol: string
  /** The standard, with its edition. */
  readonly standard: string
  /** Never throws, whatever comes in. */
  decode(frame: Frame): Decoded
}

/** A frame that is right. */
export function accepted(...records: unknown[]): Decoded {
  return { ok: true, records, expect: 'accept' }
}

/** A frame of which nothing can be used. */
export function refused(error: string, expect: FrameVerdict = 'reject'): Decoded {
  return { ok: false, records: [], expect, error }
}
