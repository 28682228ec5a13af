/**
 * What a truck with a JT/T 808 terminal has been told to do, and how far it is. Pure: says what is to be told to the
 * driver and to the house, and never tells it.
 */
import { distanceM, Position } from '@forewarn/contracts/geography'
import type { OrderMessage, ProgressMessage } from '@forewarn/contracts/order'
import { z } from 'zod'

/** On disk while the order lasts. */
export const HeldOrder = z.object({
  orderId: z.string(),
  placeId: z.string(),
  destination: Position,
  state: z.enum(['moving', 'staged', 'working']),
})
export type HeldOrder = z.infer<typeof HeldOrder>

/** What the driver has not confirmed yet: a text, and whether to report closely. */
export const Owed = z.object({ text: z.string(), track: z.boolean() })
export type Owed = z.infer<typeof Owed>

/** Where a truck was last, by its terminal. */
export const Fix = z.object({ position: Position, speedKmPerHour: z.number(), atMs: z.number() })
export type Fix = z.infer<typeof Fix>

export const VehicleMemory = z.object({
  /** What the terminal has to say at login. */
  authCode: z.string().optional(),
  order: HeldOrder.optional(),
  owed: Owed.optional(),
  fix: Fix.optional(),
})
export type VehicleMemory = z.infer<typeof VehicleMemory>

/** `progress` goes to the house, when the position is known. */
export interface Change {
  readonly memory: VehicleMemory
  readonly progress: ProgressMessage['state'] | undefined
  /** The order that `progress` speaks of. */
  readonly orderId: string | undefined
}

/** Undefined when the order says nothing new: QoS 1 may bring it twice. */
export function takeOrder(
  memory: VehicleMemory,
  order: OrderMessage,
  placeNames: Readonly<Record<string, string>>,
): Change | undefined {
  const { orderId, placeId, destination } = order
  const held = memory.order
  const place = placeNames[placeId] ?? placeId
  if (order.action === 'stand-down') {
    if (held?.orderId !== orderId) return undefined
    const { order: _, ...rest } = memory
    const owed: Owed = { text: `【收队】${place}任务取消，请返回驻地。`, track: false }
    return { memory: { ...rest, owed }, progress: 'released', orderId }
  }
  if (held?.orderId === orderId) return undefined
  const owed: Owed = { text: goText(place, destination, memory.fix?.position), track: true }
  return {
    memory: { ...memory, order: { orderId, placeId, destination, state: 'moving' }, owed },
    progress: 'moving',
    orderId,
  }
}

/** Where to, and how far it is as the crow flies. */
function goText(place: string, { lat, lon }: Position, from: Position | undefined): string {
  const km = from === undefined ? '' : `，直线约${(distanceM(from, { lat, lon, crs: 'WGS-84' }) / 1000).toFixed(1)}公里`
  return `【出车】请立即前往${place}集结点（东经${lon.toFixed(5)}，北纬${lat.toFixed(5)}${km}），到达后原地待命。`
}

/** The truck is there. Arriving is seen; going to work and coming back the driver has to say. */
export function moveTo(memory: VehicleMemory, fix: Fix, arrivedWithinM: number): Change {
  const { order } = memory
  const arrived =
    order?.state === 'moving' && fix.speedKmPerHour <= 5 && distanceM(fix.position, order.destination) <= arrivedWithinM
  if (order === undefined) return { memory: { ...memory, fix }, progress: 'free', orderId: undefined }
  if (!arrived) return { memory: { ...memory, fix }, progress: order.state, orderId: order.orderId }
  // Who stands there has been told, whatever the terminal says.
  const told = settle(memory)
  return { memory: { ...told, fix, order: { ...order, state: 'staged' } }, progress: 'staged', orderId: order.orderId }
}

/** The driver pressed a key. Undefined without an order: then it means nothing to the house. */
export function reportEvent(memory: VehicleMemory, state: 'working' | 'released' | 'broken-down'): Change | undefined {
  const { order, ...rest } = memory
  if (order === undefined) return undefined
  if (state === 'working')
    return { memory: { ...memory, order: { ...order, state } }, progress: state, orderId: order.orderId }
  return { memory: rest, progress: state, orderId: order.orderId }
}

/** The terminal confirmed what it was told. */
export function settle(memory: VehicleMemory): VehicleMemory {
  const { owed: _, ...rest } = memory
  return rest
}
