/**
 * Asking the rules process what it has judged: `GET /tally` of its inner server.
 */
import { EvaluatedTally } from '@forewarn/contracts/ledger'
import type { AskRules } from './ledger.ts'

const patienceMs = 5000

/** Asks the inner server of `rules`. Rejects when it does not answer in time, or not sensibly. */
export function askRulesAt({ url, token }: { readonly url: string; readonly token: string }): AskRules {
  return async since => {
    const headers = { authorization: `Bearer ${token}` }
    const signal = AbortSignal.timeout(patienceMs)
    const answer = await fetch(`${url}/tally?since=${since}`, { headers, signal })
    return EvaluatedTally.parse(await answer.json())
  }
}
