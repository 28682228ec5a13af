/**
 * Asking for what was forgotten: a gateway's birth message, or a Sparkplug node's. Not more often than it can be
 * answered: a gateway sends many messages before the first answer is here.
 */
import type { SendDown } from '@forewarn/contracts/intake'
import type { Clock } from '@forewarn/runtime/clock'

export interface Rebirths {
  /** Sends `payload` down on `topic`, unless it was asked for within the last ten seconds. */
  ask(request: { readonly gateway: string; readonly topic: string; readonly payload: string | Uint8Array }): void
}

const everyMs = 10_000
/** Topics remembered: beyond it the memory begins anew, and some are asked a little early. */
const remembered = 20_000

/** Nothing was asked yet. */
export function createRebirths({ sendDown, clock }: { sendDown: SendDown; clock: Clock }): Rebirths {
  const askedAtMs = new Map<string, number>()
  return {
    ask(request) {
      const nowMs = clock.nowMs()
      const last = askedAtMs.get(request.topic)
      if (last !== undefined && nowMs - last < everyMs) return
      if (askedAtMs.size >= remembered) askedAtMs.clear()
      askedAtMs.set(request.topic, nowMs)
      sendDown(request)
    },
  }
}
