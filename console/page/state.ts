/** What the page knows, as signals. Only `live.ts` and `commands.ts` change it; everything else draws it. */
import type { UnitStatus, Warning } from '@forewarn/contracts/warning'
import { computed, signal } from '@preact/signals'
import type { DistrictView, Figures, Greeting, Snapshot, Trouble } from '../wire.ts'
import { inOrder, isUnacknowledged, type ShownOrder, selectionOf, shownOrder } from './order.ts'

export const greeting = signal<Greeting | undefined>(undefined)
export const district = signal<DistrictView | undefined>(undefined)

/** null: nobody could say which warnings there are. */
export const warnings = signal<ReadonlyMap<string, Warning> | null>(null)
export const units = signal<ReadonlyMap<string, UnitStatus>>(new Map())
export const conditions = signal<Snapshot['conditions']>(null)
export const figures = signal<Figures | undefined>(undefined)
export const troubles = signal<readonly Trouble[]>([])
/** Whether the first picture has arrived. */
export const loaded = signal(false)

/** House time, UTC ms: goes on by itself between the server's ticks. */
export const nowMs = signal(0)
export const speed = signal(1)
/** For what is drawn by the minute. */
export const minuteMs = computed(() => Math.floor(nowMs.value / 60_000) * 60_000)

/** House time at which the server was last heard, once it is silent for too long; null while it speaks. */
export const linkLostAtMs = signal<number | null>(null)
/** Whether the server hears `alerts`. */
export const alertsLive = signal(true)
/** House time minus the newest reading, as of the last tick. */
export const dataAgeMs = signal<number | null>(null)

/** A command on its way: `sending`, or `queued` until the link is back. */
export interface Pending {
  readonly status: 'sending' | 'queued'
  readonly atMs: number
}
export const pending = signal<ReadonlyMap<string, Pending>>(new Map())

/** A line for the officer, gone after some seconds. */
export const notice = signal<string | null>(null)
/** What a screen reader says at once. */
export const announcement = signal('')

export type View = 'duty' | 'system'
export const view = signal<View>('duty')
export const helpOpen = signal(false)
/** Whether the veto's reasons are on screen. */
export const vetoOpen = signal(false)

export const wantedOrder = computed(() => inOrder(warnings.value?.values() ?? []))
/** Whether the pointer is over the list. */
export const listHeld = signal(false)
let lastShown: readonly string[] = []
/** The list as it stands on screen. */
export const listOrder = computed<ShownOrder>(() => {
  const wanted = wantedOrder.value.map(warning => warning.id)
  const order = shownOrder({ wanted, shown: lastShown, held: listHeld.value })
  lastShown = order.ids
  return order
})

export const chosenId = signal<string | undefined>(undefined)
export const selected = computed(() =>
  selectionOf({
    order: wantedOrder.value,
    chosenId: chosenId.value,
    answeredIds: new Set(pending.value.keys()),
  }),
)

export const unacknowledged = computed(() => wantedOrder.value.filter(isUnacknowledged))

/** The one that closed last, for the calm screen. */
export const lastClosed = computed(() => {
  const closed = [...(warnings.value?.values() ?? [])].filter(warning => warning.state === 'resolved')
  return closed.sort((a, b) => (b.clearedAtMs ?? b.raisedAtMs) - (a.clearedAtMs ?? a.raisedAtMs))[0]
})

const placesById = computed(() => new Map(district.value?.places.map(place => [place.id, place]) ?? []))
const unitsById = computed(() => new Map(district.value?.units.map(unit => [unit.id, unit]) ?? []))

export function placeOf(placeId: string) {
  return placesById.value.get(placeId)
}

export function unitOf(unitId: string) {
  return unitsById.value.get(unitId)
}

export function zone(): string {
  return district.value?.timeZone ?? 'UTC'
}

/** Takes a warning in, unless a newer version of it is already here. Tells whether it was new to the page. */
export function takeWarning(warning: Warning): boolean {
  const known = warnings.value?.get(warning.id)
  if (known !== undefined && known.version >= warning.version) return false
  warnings.value = new Map(warnings.value ?? []).set(warning.id, warning)
  return known === undefined
}

export function takeUnit(unit: UnitStatus): void {
  const known = units.value.get(unit.unitId)
  if (known !== undefined && known.atMs > unit.atMs) return
  units.value = new Map(units.value).set(unit.unitId, unit)
}
