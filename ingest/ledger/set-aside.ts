/**
 * What the writer set aside in earlier lives, as the ledger needs it: which records of the journal, and how long.
 */
import { z } from 'zod'

/** Offset behind the record → its readings. */
export type FoundAside = Map<number, number>

const Line = z.object({ next: z.number(), sensor: z.array(z.number()) })

/** Notes one line of the folder `set-aside`; lines of another shape hold no readings. */
export function foundAside(line: unknown, found: FoundAside): void {
  const { data } = Line.safeParse(line)
  if (data !== undefined) found.set(data.next, data.sensor.length)
}
