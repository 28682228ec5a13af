/**
 * Who is in: what the broker knows of every client it has let in, by connection and by user.
 */
import type { Client } from 'aedes'
import type { PacketMeter } from './packets/packet-meter.ts'
import type { User } from './permissions.ts'
import type { PublishTap } from './publish-tap.ts'
import type { Deliveries } from './sessions/deliveries.ts'
import type { Session } from './sessions/sessions.ts'

export interface Guest {
  readonly user: User
  readonly client: Client
  readonly address: string
  readonly meter: PacketMeter | undefined
  /** Takes its readings from the connection before Aedes sees them. */
  readonly tap: PublishTap | undefined
  readonly session: Session | undefined
  readonly deliveries: Deliveries
  /** What it came in with is good until then, UTC ms. */
  readonly untilMs: number | undefined
  /** Shown the door: its will is not published. */
  banished: boolean
  /** Filters it has asked for, granted or not. */
  readonly asked: Set<string>
  /** Messages taken and not yet on disk. */
  underWay: number
}

export interface Guests {
  of(client: Client | null): Guest | undefined
  add(guest: Guest): void
  remove(client: Client): void
  ofUser(user: string): readonly Guest[]
  all(): Iterable<Guest>
}

/** An empty book. */
export function guestBook(): Guests {
  // Wills are published after a client was removed: what is known of it lives as long as its client does.
  const known = new WeakMap<Client, Guest>()
  const present = new Set<Guest>()
  const byUser = new Map<string, Set<Guest>>()
  return {
    of: client => (client === null ? undefined : known.get(client)),
    add(guest) {
      known.set(guest.client, guest)
      present.add(guest)
      const others = byUser.get(guest.user.name) ?? new Set()
      byUser.set(guest.user.name, others.add(guest))
    },
    remove(client) {
      const guest = known.get(client)
      if (guest === undefined) return
      present.delete(guest)
      const others = byUser.get(guest.user.name)
      others?.delete(guest)
      if (others?.size === 0) byUser.delete(guest.user.name)
    },
    ofUser: user => [...(byUser.get(user) ?? [])],
    all: () => present,
  }
}
