/**
 * What wrong passwords cost: each answer later than the last, and after too many the pair of user and address is shut
 * out for a while. The pair, not the user: nobody can shut a gateway out by guessing at its door from elsewhere.
 */

import type { BrokerLimits } from '../limits.ts'
import { networkOf } from './address-limits.ts'

export interface LoginGuard {
  isLockedOut(user: string, address: string, atMs: number): boolean
  /** Notes a wrong password. Returns how long the answer has to wait, ms. */
  failed(user: string, address: string, atMs: number): number
  succeeded(user: string, address: string): void
}

interface Failures {
  count: number
  lastAtMs: number
}

const firstDelayMs = 100
/** Beyond this many pairs the oldest is forgotten: user names are whatever a stranger types. */
const maxPairs = 50_000

/** Counts wrong passwords by user and network, and forgets them when none came for `lockOutMs`. */
export function loginGuard({ maxFailedLogins, lockOutMs, maxLoginDelayMs }: BrokerLimits): LoginGuard {
  const pairs = new Map<string, Failures>()
  const keyOf = (user: string, address: string) => `${networkOf(address)} ${user}`
  const current = (key: string, atMs: number): Failures | undefined => {
    const failures = pairs.get(key)
    if (failures === undefined || atMs - failures.lastAtMs < lockOutMs) return failures
    pairs.delete(key)
    return undefined
  }
  return {
    isLockedOut(user, address, atMs) {
      return (current(keyOf(user, address), atMs)?.count ?? 0) >= maxFailedLogins
    },
    failed(user, address, atMs) {
      const key = keyOf(user, address)
      const count = Math.min(maxFailedLogins, (current(key, atMs)?.count ?? 0) + 1)
      // Put at the end: a Map keeps the order of insertion, and the oldest goes first.
      pairs.delete(key)
      pairs.set(key, { count, lastAtMs: atMs })
      if (pairs.size > maxPairs) forgetOldest(pairs)
      return Math.min(maxLoginDelayMs, firstDelayMs * 2 ** (count - 1))
    },
    succeeded: (user, address) => void pairs.delete(keyOf(user, address)),
  }
}

function forgetOldest(pairs: Map<string, Failures>): void {
  for (const oldest of pairs.keys()) {
    pairs.delete(oldest)
    return
  }
}
