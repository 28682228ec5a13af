/**
 * The house that runs on this machine, as the program reaches it: through the note in its data folder, with the
 * inner token that is kept there.
 */
import { Check, QuarantineReport } from '@forewarn/contracts/health'
import { LedgerReport } from '@forewarn/contracts/ledger'
import { type RunningHouse, runningHouse } from '@forewarn/deploy/data-dir'
import { readSecrets, type Secrets } from '@forewarn/deploy/secrets'
import { z } from 'zod'

export interface HouseDoor {
  readonly house: RunningHouse
  readonly secrets: Secrets
}

/** The door of the house that runs in this data folder; undefined when none runs. Throws on damaged secrets. */
export async function findHouse(dataDir: string): Promise<HouseDoor | undefined> {
  const house = await runningHouse(dataDir)
  const secrets = house === undefined ? undefined : await readSecrets(dataDir)
  return house === undefined || secrets === undefined ? undefined : { house, secrets }
}

/** What the console's `/api/health` answers: every process of the house with its checks. */
export const HouseHealth = z.object({
  processes: z.array(z.object({ process: z.string(), answered: z.boolean(), checks: z.array(Check) })),
})

/** The part of the console's `/api/snapshot` that the program needs: the house's own time, UTC ms. */
export const HouseTime = z.object({ nowMs: z.number() })

/** How the running house is, or one line of trouble. */
export const askHealth = (door: HouseDoor) => ask(door, '/api/health', HouseHealth)
/** What is in quarantine, or one line of trouble. */
export const askQuarantine = (door: HouseDoor) => ask(door, '/api/quarantine', QuarantineReport)
/** What became of the readings, as the query asks, or one line of trouble. */
export const askLedger = (door: HouseDoor, query: URLSearchParams) => ask(door, `/api/ledger?${query}`, LedgerReport)
/** What time it is in the house, or one line of trouble. */
export const askTime = (door: HouseDoor) => ask(door, '/api/snapshot', HouseTime)

const patienceMs = 5000

/** Asks the console. Returns one line of trouble instead when it does not answer, or not sensibly. */
async function ask<T>({ house, secrets }: HouseDoor, path: string, shape: z.ZodType<T>): Promise<T | string> {
  try {
    const response = await fetch(new URL(path, house.consoleUrl), {
      headers: { authorization: `Bearer ${secrets.innerToken}` },
      signal: AbortSignal.timeout(patienceMs),
    })
    if (!response.ok) return `${path} answered ${response.status}`
    const answer = shape.safeParse(await response.json())
    return answer.success ? answer.data : `${path} answered something else than expected`
  } catch (error) {
    return `${path} did not answer: ${error instanceof Error ? error.message : String(error)}`
  }
}
