/**
 * Who may open a connection at all: how many at a time, from one address, and how fast. Pure but for what it
 * remembers; it is given the time.
 */
import { isIPv6 } from 'node:net'
import type { BrokerLimits } from '../limits.ts'

export type DoorRefusal = 'too-many-connections' | 'too-many-connections-from-address' | 'connecting-too-fast'

export interface Door {
  /** Counts the connection in and returns undefined, or says why it is refused. */
  enter(address: string, atMs: number): DoorRefusal | undefined
  leave(address: string): void
  readonly open: number
}

interface Address {
  open: number
  /** Connections it may still open now. */
  tokens: number
  filledAtMs: number
}

const minuteMs = 60_000

/** Counts connections by network and in all, and how fast they come; both counts begin at nothing. */
export function connectionDoor(limits: BrokerLimits): Door {
  const addresses = new Map<string, Address>()
  let open = 0
  const remember = (key: string, atMs: number): Address => {
    const full = limits.connectsPerMinutePerAddress
    const known = addresses.get(key) ?? { open: 0, tokens: full, filledAtMs: atMs }
    known.tokens = Math.min(full, known.tokens + (full * Math.max(0, atMs - known.filledAtMs)) / minuteMs)
    known.filledAtMs = atMs
    addresses.set(key, known)
    if (addresses.size > 2 * limits.maxConnections) forgetIdle(addresses, atMs)
    return known
  }
  return {
    enter(address, atMs) {
      if (open >= limits.maxConnections) return 'too-many-connections'
      const known = remember(networkOf(address), atMs)
      if (limits.limitThisMachine === 1 || !isThisMachine(address)) {
        if (known.open >= limits.maxConnectionsPerAddress) return 'too-many-connections-from-address'
        if (known.tokens < 1) return 'connecting-too-fast'
        known.tokens--
      }
      known.open++
      open++
      return undefined
    },
    leave(address) {
      const known = addresses.get(networkOf(address))
      if (known !== undefined) known.open--
      open--
    },
    get open() {
      return open
    },
  }
}

/** Addresses without a connection whose allowance is full again need no memory. */
function forgetIdle(addresses: Map<string, Address>, atMs: number): void {
  for (const [key, { open, filledAtMs }] of addresses)
    if (open === 0 && atMs - filledAtMs > minuteMs) addresses.delete(key)
}

/** Whether an address is a loopback address: IPv4, IPv6, or IPv4 written as IPv6. */
export function isThisMachine(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')
}

/** One customer of an IPv6 network has 2^64 addresses: they count as one. */
export function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address.replace(/^::ffff:/, '')
  const [before = '', after = ''] = address.split('::')
  const head = before.split(':').filter(Boolean)
  const tail = after.split(':').filter(Boolean)
  const zeros = address.includes('::') ? Array<string>(8 - head.length - tail.length).fill('0') : []
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(':')}::/64`
}
