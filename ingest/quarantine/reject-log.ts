/**
 * One line in the log for what is refused: the first of a gateway and reason at once, then one a minute with how
 * many it stands for. A device that talks nonsense all day must not bury the line that matters.
 */
import type { Rejection } from '@forewarn/contracts/rejection'
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'

const everyMs = 60_000
/** Gateways × reasons remembered: beyond it the memory begins anew, and some lines come a little early. */
const remembered = 10_000

export type RejectLog = (rejection: Rejection, readings: number) => void

/** Tells of refusals; readings that were left unsaid are counted in the next line of their kind. */
export function rejectLog(log: Log, clock: Clock): RejectLog {
  const said = new Map<string, { atMs: number; unsaid: number }>()
  return ({ reason, gateway, topic, detail }, readings) => {
    const nowMs = clock.nowMs()
    const key = `${reason} ${gateway}`
    const last = said.get(key)
    if (last !== undefined && nowMs - last.atMs < everyMs * clock.speed) {
      last.unsaid += readings
      return
    }
    log.warn('reading-rejected', { reason, gateway, topic, detail, readings: readings + (last?.unsaid ?? 0) })
    if (said.size >= remembered) said.clear()
    said.set(key, { atMs: nowMs, unsaid: 0 })
  }
}
