/**
 * How far the gateway's clock is from the house's, from the `time` commands it gets. An answer to a status of ours
 * gives the round trip, as NTP does (RFC 5905 §8); a time that comes unasked has at least the way down in it.
 *
 * The offset is reported and never applied: readings keep the gateway's time. The house knows the offset then and
 * judges by it; a gateway that corrected by itself could not be told from one that was right, and a correction that
 * was wrong could not be taken back.
 */
export interface HouseOffset {
  /** Notes that a status went out with this time in it. */
  asked(atMs: number): void
  /** Takes a time of the house; `id` is the `atMs` of the status that it answers, as text. */
  heard(time: { readonly id: string; readonly houseMs: number }, nowMs: number): void
  /** The gateway's clock minus the house's, ms; undefined before the house said anything. */
  offsetMs(): number | undefined
}

/** Answers later than this say little about the clock. */
const longestRoundTripMs = 10_000
const samplesKept = 8

interface Sample {
  readonly offsetMs: number
  /** How far the offset may be off: half the round trip, or unknown. */
  readonly doubtMs: number
}

/** Knows nothing until a question was answered. */
export function measureHouseOffset(): HouseOffset {
  const questions = new Set<number>()
  const samples: Sample[] = []
  const add = (sample: Sample) => {
    samples.push(sample)
    if (samples.length > samplesKept) samples.shift()
  }
  return {
    asked(atMs) {
      questions.add(atMs)
      if (questions.size > samplesKept) questions.delete(questions.values().next().value ?? atMs)
    },
    heard({ id, houseMs }, nowMs) {
      const askedMs = Number(id)
      const roundTripMs = nowMs - askedMs
      const answers = questions.delete(askedMs) && roundTripMs >= 0 && roundTripMs <= longestRoundTripMs
      if (answers) add({ offsetMs: (askedMs + nowMs) / 2 - houseMs, doubtMs: roundTripMs / 2 })
      else add({ offsetMs: nowMs - houseMs, doubtMs: longestRoundTripMs })
    },
    offsetMs() {
      const least = Math.min(...samples.map(({ doubtMs }) => doubtMs))
      const best = samples.filter(({ doubtMs }) => doubtMs === least)
      if (best.length === 0) return undefined
      // Of times that came unasked the one that was under way for the shortest is nearest.
      return Math.round(Math.min(...best.map(({ offsetMs }) => offsetMs)))
    },
  }
}
