/**
 * What a backup says of itself: its last entry, with the hash of every other one.
 */
import { z } from 'zod'

export const manifestName = 'manifest.json'
export const sealedName = 'secrets.sealed'
export const registryName = 'registry/district.json'

export const Manifest = z.object({
  format: z.literal(1),
  madeAtMs: z.number(),
  version: z.string(),
  /** Taken from a house that was running, or from the folder of one that was not. */
  wasRunning: z.boolean(),
  /** `sealed`: in the backup, behind the passphrase. `left-out`: a restored house makes new ones. */
  secrets: z.enum(['sealed', 'left-out']),
  /** What lies on servers and has to be kept there: InfluxDB, PostgreSQL, Redis. */
  elsewhere: z.array(z.string()),
  entries: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string() })),
})
export type Manifest = z.infer<typeof Manifest>
