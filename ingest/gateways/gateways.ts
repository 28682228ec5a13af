/**
 * What each gateway was heard to say of itself: when it spoke last, whether it is online, its birth message, and
 * whether batches of it are missing. In memory: all of it comes again within a period.
 */
import type { District } from '@forewarn/contracts/district'
import type { Birth, Status } from '@forewarn/contracts/gateway-messages'
import type { GatewayReport } from '@forewarn/contracts/gateway-state'
import { type Clocks, hoursOf } from '../clocks.ts'
import type { SensorNames } from '../sensor-names.ts'
import type { Lives } from './lives.ts'

export interface GatewayState {
  readonly id: string
  lastHeardMs: number | undefined
  /** As it said on `status`; undefined before it said anything. */
  online: boolean | undefined
  /** What it last said on `birth`, its sensors counted. */
  birth: (Omit<Birth, 'sensors'> & { readonly atMs: number; readonly sensors: number }) | undefined
  /** What it last said on `status`: the offset of its clock, and the counters of its outbox. */
  status: (Status & { readonly receivedAtMs: number }) | undefined
  sequence: number | undefined
  /** Batches that never came, by the numbers of those that did. */
  missingBatches: number
}

export interface Gateways {
  heard(id: string, atMs: number): void
  born(id: string, birth: Birth, atMs: number): void
  status(id: string, status: Status, atMs: number): void
  /** Its clock less the house's as it last measured it, ms. */
  clockOffsetMs(id: string): number | undefined
  batch(id: string, sequence: number): void
  /** Those of the registry that should have spoken and did not: `periods` of their shortest sensor period. */
  silent(nowMs: number): string[]
  missingBatches(): number
  online(): number
  state(id: string): GatewayState | undefined
  states(): GatewayState[]
}

/** A gateway counts as silent after this many of its shortest period, and not before a minute. */
const silentAfterPeriods = 3
const silentAfterAtLeastMs = 60_000

/** The gateways of the registry and no others; silence is counted from `sinceMs` on. */
export function gatewayStates(district: District, names: SensorNames, sinceMs: number): Gateways {
  const states = new Map<string, GatewayState>()
  for (const { id } of district.gateways) states.set(id, unheard(id))
  // Only the registry's: a stranger cannot make this map grow.
  const of = (id: string) => states.get(id)
  const isSilent = ({ id, lastHeardMs }: GatewayState, nowMs: number) => {
    const periodMs = names.gateway(id)?.periodMs
    if (periodMs === undefined) return false
    return nowMs - (lastHeardMs ?? sinceMs) > Math.max(silentAfterAtLeastMs, silentAfterPeriods * periodMs)
  }
  return {
    heard(id, atMs) {
      const state = of(id)
      if (state !== undefined) state.lastHeardMs = atMs
    },
    born(id, { sensors, ...birth }, atMs) {
      const state = of(id)
      if (state !== undefined) state.birth = { ...birth, atMs, sensors: sensors.length }
    },
    status(id, status, receivedAtMs) {
      const state = of(id)
      if (state === undefined) return
      state.online = status.state === 'online'
      // A will says nothing but that it is gone: what it measured and counted before still holds.
      state.status = { ...state.status, ...status, receivedAtMs }
    },
    clockOffsetMs: id => of(id)?.status?.clockOffsetMs,
    batch(id, sequence) {
      const state = of(id)
      if (state === undefined || sequence < 0) return
      const before = state.sequence
      // A smaller number is a repeat, or a gateway that began again: neither is a gap.
      if (before !== undefined && sequence > before + 1) state.missingBatches += sequence - before - 1
      if (before === undefined || sequence > before || before - sequence > 1000) state.sequence = sequence
    },
    silent: nowMs => [...states.values()].filter(state => isSilent(state, nowMs)).map(({ id }) => id),
    missingBatches: () => sum(states.values(), state => state.missingBatches),
    online: () => sum(states.values(), state => (state.online === true ? 1 : 0)),
    state: of,
    states: () => [...states.values()],
  }
}

function unheard(id: string): GatewayState {
  return {
    id,
    lastHeardMs: undefined,
    online: undefined,
    birth: undefined,
    status: undefined,
    sequence: undefined,
    missingBatches: 0,
  }
}

/** What `GET /gateways` answers. */
export function gatewayReport({
  gateways,
  clocks,
  lives,
}: {
  gateways: Gateways
  clocks: Clocks
  lives: Lives
}): GatewayReport {
  const wrong = new Map(clocks.wrong().map(one => [one.gateway, one]))
  return {
    gateways: gateways.states().map(({ id, sequence: _, ...state }) => {
      const clock = wrong.get(id)
      const wrongClock = clock && { ...clock, offsetHours: hoursOf(clock.offsetMs) }
      const clockMendedAtMs = clocks.mendedAtMs(id)
      const offline = lives.offline(id)
      return {
        id,
        ...state,
        ...(offline.length > 0 && { offlineDevices: offline.slice(0, 100) }),
        ...(wrongClock && { wrongClock }),
        ...(clockMendedAtMs !== undefined && { clockMendedAtMs }),
      }
    }),
  }
}

function sum(states: Iterable<GatewayState>, figure: (state: GatewayState) => number): number {
  let total = 0
  for (const state of states) total += figure(state)
  return total
}
