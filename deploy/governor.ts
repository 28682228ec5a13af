/**
 * Keeps a drill honest on a slow machine: while the house is behind with what it was told, the drill's clock stands
 * still. A drill then takes longer, but what happens in it does not depend on the machine.
 */
import { ProcessHealth } from '@forewarn/contracts/health'
import type { DrillClock } from '@forewarn/runtime/clock'
import type { House } from './house.ts'

const lookEveryMs = 10
const askAlertsEveryMs = 100

/** What may wait before the clock does: a few readings on their way are the normal state. */
const mayWaitBytes = 20_000
const mayWaitEpisodes = 5

export interface Governor {
  stop(): void
}

/** Releases the clock, and holds it whenever the house falls behind. */
export function startGovernor({ house, clock }: { house: House; clock: DrillClock }): Governor {
  let waitingEpisodes = 0
  let asking = false
  const askAlerts = async () => {
    if (asking) return
    asking = true
    waitingEpisodes = await episodesWaiting(house).catch(() => waitingEpisodes)
    asking = false
  }
  const look = () => {
    const isBehind = house.behindBytes() > mayWaitBytes || waitingEpisodes > mayWaitEpisodes
    if (isBehind) clock.hold()
    else clock.release()
  }
  const looking = setInterval(look, lookEveryMs)
  const inquiring = setInterval(() => void askAlerts(), askAlertsEveryMs)
  clock.release()
  return {
    stop() {
      clearInterval(looking)
      clearInterval(inquiring)
    },
  }
}

async function episodesWaiting({ alertsUrl, secrets }: House): Promise<number> {
  const answer = await fetch(`${alertsUrl}/health`, { headers: { authorization: `Bearer ${secrets.innerToken}` } })
  const { figures } = ProcessHealth.parse(await answer.json())
  return (figures['episodes_waiting'] ?? 0) + (figures['deeds_in_hand'] ?? 0)
}
