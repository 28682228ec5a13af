/**
 * The life of one order: proposed → reserved → moving → staged → working → released, or stood down. Pure.
 */
import type { Order, OrderMessage, ProgressMessage } from '@forewarn/contracts/order'

/** A live order holds its unit: nobody else may have it. */
export function isLive({ state }: Pick<Order, 'state'>): boolean {
  return state !== 'released' && state !== 'stood-down'
}

/** Whether the truck was told to go and has not been told to stop. */
export function isUnderWay({ state }: Pick<Order, 'state'>): boolean {
  return state === 'moving' || state === 'staged' || state === 'working'
}

/** The unit is told to go at `atMs`. Undefined when it was told already, or the order is over. */
export function issue(order: Order, atMs: number): Order | undefined {
  if (order.state !== 'reserved' && order.state !== 'proposed') return undefined
  const travelMs = order.expectedArrivalAtMs - (order.vetoUntilMs ?? order.changedAtMs)
  return withArrival({ ...order, state: 'moving', changedAtMs: atMs }, atMs + travelMs)
}

function withArrival(order: Order, expectedArrivalAtMs: number): Order {
  const marginMin =
    order.mustArriveByMs === undefined ? undefined : (order.mustArriveByMs - expectedArrivalAtMs) / 60_000
  return { ...order, expectedArrivalAtMs, marginMin }
}

/** What the truck says of its order. Undefined when it says nothing new. */
export function report(order: Order, { state, atMs }: Pick<ProgressMessage, 'state' | 'atMs'>): Order | undefined {
  if (!isUnderWay(order)) return undefined
  if (state === 'staged' && order.state === 'moving') {
    return { ...order, state: 'staged', changedAtMs: atMs, stagedAtMs: atMs }
  }
  if (state === 'working' && order.state !== 'working') {
    return { ...order, state: 'working', changedAtMs: atMs, stagedAtMs: order.stagedAtMs ?? atMs }
  }
  if (state === 'released' || state === 'free') return { ...order, state: 'released', changedAtMs: atMs }
  if (state === 'broken-down') return { ...order, state: 'stood-down', changedAtMs: atMs }
  return undefined
}

/** Ends an order: work that was begun is released, a drive is stood down. Undefined when it is over already. */
export function end(order: Order, atMs: number): Order | undefined {
  if (!isLive(order)) return undefined
  const state = order.state === 'staged' || order.state === 'working' ? 'released' : 'stood-down'
  return { ...order, state, changedAtMs: atMs }
}

/** What goes down to the truck. It carries the mode: a drill can never move a real one. */
export function messageOf(order: Order, action: OrderMessage['action'], issuedAtMs: number): OrderMessage {
  return {
    orderId: order.id,
    action,
    mode: order.mode,
    unitId: order.unitId,
    placeId: order.placeId,
    destination: order.stagingPosition,
    route: order.route,
    issuedAtMs,
  }
}
