/** One transaction of the control room: what may be looked at and changed, and the time it happens at. */
import type { District } from '@forewarn/contracts/district'
import type { Mode } from '@forewarn/contracts/mode'
import type { Text } from '@forewarn/contracts/text'
import type { Clock } from '@forewarn/runtime/clock'
import type { Ledger, Work } from './ledger.ts'
import { step } from './lifecycle.ts'
import type { Plan } from './plan.ts'
import type { FindRoute } from './routes.ts'

export interface ControlRoomOptions {
  readonly district: District
  readonly plans: ReadonlyMap<string, Plan>
  readonly findRoute: FindRoute
  readonly ledger: Ledger
  readonly clock: Clock
  readonly mode: Mode
  /** After each transaction: there may be events to tell and deeds to do. */
  readonly onCommitted: () => void
}

export interface Desk extends ControlRoomOptions {
  readonly work: Work
  readonly atMs: number
}

/** Adds a line to a warning's timeline. */
export async function tell(
  { work, atMs }: Desk,
  warningId: string,
  { event, detail, by = 'machine' }: { event: string; detail: Text; by?: string },
): Promise<void> {
  const stored = await work.warning(warningId)
  const told = step(stored?.warning, { kind: 'told', by, event, detail }, atMs)
  if (stored && told) work.put({ ...stored, warning: told.warning })
}
