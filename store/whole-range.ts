/** Time ranges in whole milliseconds, as SQL can hold them: readings are kept at whole milliseconds. */
/** `from` ≤ measured time < `to`. A fraction rounds up at both ends, which changes nothing for whole times. */
export interface WholeRange {
  readonly from: number
  readonly to: number
}

/** Furthest time that a Date can hold, ECMA-262 §21.4.1.1. */
const endOfTimeMs = 8.64e15

/** The whole-ms range that holds the same readings; infinite ends become the ends of time. */
export function wholeRange({ fromMs, toMs }: { fromMs: number; toMs: number }): WholeRange {
  const whole = (ms: number) => Math.ceil(Math.min(endOfTimeMs, Math.max(-endOfTimeMs, ms)))
  return { from: whole(fromMs), to: whole(toMs) }
}
