/**
 * Why something was not taken as a reading. Stable codes: they are counted, shown, and tested on.
 * The original is kept in quarantine with its code, where a person can look at it.
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
] as const
export type RejectionReason = (typeof rejectionReasons)[number]

/** One thing that was refused or kept aside. `kept` says whether its value still counted (at its time of arrival). */
export const Rejection = z.object({
  reason: z.enum(rejectionReasons),
  atMs: z.number(),
  gateway: z.string(),
  topic: z.string(),
  /** What was wrong and where, in a sentence for a person. */
  detail: z.string(),
  /** The original, as text where it is text, else base64; cut at 4 kB. */
  original: z.string(),
  kept: z.boolean(),
})
export type Rejection = Readonly<z.infer<typeof Rejection>>
