/**
 * Sending a unit: the order, its life, and the two messages between the house and the truck.
 * Down: `OrderMessage` on the vehicle gateway's topic `orders`. Up: `ProgressMessage` on `progress`.
 */
import { z } from 'zod'
import { Position } from './geography.ts'
import { Mode } from './mode.ts'

/** DESIGN: proposed → reserved → moving → staged → working → released, or stood down. */
export const orderStates = ['proposed', 'reserved', 'moving', 'staged', 'working', 'released', 'stood-down'] as const
export const OrderState = z.enum(orderStates)
export type OrderState = z.infer<typeof OrderState>

export const Order = z.object({
  id: z.string(),
  warningId: z.string(),
  unitId: z.string(),
  placeId: z.string(),
  stagingPointId: z.string(),
  stagingPosition: Position,
  state: OrderState,
  mode: Mode,
  /** Along the road, at rain-slowed speed. */
  routeM: z.number(),
  route: z.array(z.tuple([z.number(), z.number()])),
  expectedArrivalAtMs: z.number(),
  /** When the water is expected at the limit; absent when it is there already or nobody knows. */
  mustArriveByMs: z.number().optional(),
  /** mustArriveBy − expectedArrival, minutes: the number that decides. */
  marginMin: z.number().optional(),
  changedAtMs: z.number(),
  /** Set once, when the truck reported that it stood at the staging point. */
  stagedAtMs: z.number().optional(),
  /** The human's veto ends here; from then on the truck goes by itself. */
  vetoUntilMs: z.number().optional(),
})
export type Order = z.infer<typeof Order>

export const OrderMessage = z.object({
  orderId: z.string(),
  action: z.enum(['go', 'stand-down']),
  mode: Mode,
  unitId: z.string(),
  placeId: z.string(),
  destination: Position,
  route: z.array(z.tuple([z.number(), z.number()])),
  issuedAtMs: z.number(),
})
export type OrderMessage = z.infer<typeof OrderMessage>

export const ProgressMessage = z.object({
  unitId: z.string(),
  /** The order it speaks of; absent for a unit that is free. */
  orderId: z.string().optional(),
  state: z.enum(['free', 'moving', 'staged', 'working', 'released', 'broken-down']),
  position: Position,
  atMs: z.number(),
})
export type ProgressMessage = z.infer<typeof ProgressMessage>
