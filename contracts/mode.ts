/**
 * Whether this is real. CAP 1.2 §3.2.1 `status`: an exercise must be marked as one from end to end,
 * so that no drill can ever move a real truck. A replay is an exercise on recorded readings.
 */
import { z } from 'zod'

export const Mode = z.enum(['actual', 'exercise', 'replay'])
export type Mode = z.infer<typeof Mode>

/** CAP 1.2 `status` for a mode. */
export function capStatus(mode: Mode): 'Actual' | 'Exercise' {
  return mode === 'actual' ? 'Actual' : 'Exercise'
}
