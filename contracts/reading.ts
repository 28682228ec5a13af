/**
 * What a sensor said, as the house keeps it: decoded once at the door, in columns, and never parsed again.
 */

/** Quality of a reading; the number is what columns and stores hold. Order never changes: it is on disk. */
export const qualities = ['good', 'suspect', 'missing', 'maintenance', 'fault'] as const
export type Quality = (typeof qualities)[number]
export const qualityCode = { good: 0, suspect: 1, missing: 2, maintenance: 3, fault: 4 } as const satisfies Record<
  Quality,
  number
>

/** Bits beside the quality code in the quality column. */
export const qualityFlag = {
  /** The device's clock was off; `measuredAtMs` was replaced by the time of arrival. */
  clockReplaced: 0x10,
  /** It came from an outbox after the uplink was down, not live. */
  backlog: 0x20,
} as const

/** The quality code without its flag bits. */
export function qualityOf(byte: number): Quality {
  return qualities[byte & 0x0f] ?? 'fault'
}

/**
 * Readings of one gateway's message, one row per reading. All columns have the same length.
 * `sensor` is the index of the sensor in `District.sensors`; `measuredAtMs` is the device's time, UTC;
 * `value` is in the unit of the sensor's quantity.
 */
export interface ReadingBatch {
  readonly gateway: number
  /** When the house took it in, UTC ms. Both times are kept. */
  readonly receivedAtMs: number
  /** The gateway's own number for this batch, so that a gap is visible end to end; -1 when it gave none. */
  readonly sequence: number
  readonly sensor: Uint32Array
  readonly measuredAtMs: Float64Array
  readonly value: Float64Array
  readonly quality: Uint8Array
}

/** One row, for callers that show or test single readings. */
export interface Reading {
  readonly sensor: number
  readonly measuredAtMs: number
  readonly receivedAtMs: number
  readonly value: number
  readonly quality: number
}
