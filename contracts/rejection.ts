/**
 * Why something was not taken as a reading. Stable codes: they are counted, shown, and tested on.
 * The original is kept in quarantine with its code, where a person can look at it, mend it and release it.
 */
import { z } from 'zod'

export const rejectionReasons = [
  'not-senml',
  'not-finite',
  'unknown-sensor',
  'wrong-gateway',
  'wrong-unit',
  'out-of-bounds',
  'clock-skewed',
  'foreign-topic',
  'unknown-topic',
  'too-large',
  /** Columns that do not line up, or an index that the birth's list does not have. */
  'bad-columns',
  /** It refers to a birth message that the house does not have; a rebirth was asked for. */
  'unknown-birth',
  /** A packed payload that cannot be unpacked. */
  'bad-packing',
  /** A birth, status or alarm that is none. */
  'bad-message',
  /** A device's own payload that its format does not allow. */
  'bad-payload',
] as const
export type RejectionReason = (typeof rejectionReasons)[number]

/** What became of it since: waiting for a person, taken after all, or thrown away. */
export const quarantineStates = ['waiting', 'released', 'discarded'] as const
export type QuarantineState = (typeof quarantineStates)[number]

/** One thing that was refused or kept aside. `kept` says whether its value still counted (at its time of arrival). */
export const Rejection = z.object({
  reason: z.enum(rejectionReasons),
  atMs: z.number(),
  gateway: z.string(),
  topic: z.string(),
  /** What was wrong and where, in a sentence for a person. */
  detail: z.string(),
  /** The original, as text where it is text, else base64; cut at 4 kB here, kept whole where it can be released. */
  original: z.string(),
  kept: z.boolean(),
  /** By which it is looked up and released (contracts/quarantine.ts); absent on what was kept before there were ids. */
  id: z.string().optional(),
  state: z.enum(quarantineStates).optional(),
})
export type Rejection = Readonly<z.infer<typeof Rejection>>
