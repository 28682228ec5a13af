/**
 * Lengths of time as people write them in rules: `90 s`, `2 min`, `1.5 h`. Inside they are milliseconds.
 */
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }

const whole = /^(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)$/

/** Milliseconds, or undefined when the text is no length of time. */
export function parseDuration(text: string): number | undefined {
  const match = whole.exec(text.trim())
  return match === null ? undefined : Number(match[1]) * (unitMs[match[2] ?? ''] ?? Number.NaN)
}

/** A condition whose durations have become plain numbers of milliseconds, and the way back for error positions. */
export interface PlainCondition {
  readonly text: string
  /** The offset in the original text of an offset in `text`. */
  originalOffset(offset: number): number
}

const inside = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?<![\w.])(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\b/g

/** CEL has no duration literals such as `60 min`: they are replaced by milliseconds before it sees the text. */
export function withoutDurations(condition: string): PlainCondition {
  const shifts: { afterPlain: number; by: number }[] = []
  let shift = 0
  const text = condition.replace(inside, (found: string, amount: string | undefined, unit: string | undefined, at) => {
    if (amount === undefined || unit === undefined) return found
    const plain = (Number(amount) * (unitMs[unit] ?? Number.NaN)).toFixed(1)
    const plainEnd = Number(at) - shift + plain.length
    shift += found.length - plain.length
    shifts.push({ afterPlain: plainEnd, by: shift })
    return plain
  })
  const originalOffset = (offset: number) =>
    offset + (shifts.findLast(({ afterPlain }) => afterPlain <= offset)?.by ?? 0)
  return { text, originalOffset }
}
