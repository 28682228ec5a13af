/**
 * The health of the whole house: every process asked, the store as well; one that does not answer is a failed
 * check with a remedy, not a hole in the list.
 */
import type { Check } from '@forewarn/contracts/health'
import type { Clock } from '@forewarn/runtime/clock'
import type { ReadingStore } from '@forewarn/store/reading-store'
import type { InnerName, InnerWires } from './inner-wires.ts'
import type { Relay } from './relay.ts'
import type { HouseHealth, ProcessView } from './wire.ts'

export interface HouseParts {
  readonly wires: InnerWires
  readonly store: Pick<ReadingStore, 'health'>
  readonly relay: Relay
  readonly clock: Clock
}

/** Asks everyone at once. Never rejects. */
export async function houseHealth({ wires, store, relay, clock }: HouseParts): Promise<HouseHealth> {
  const inner = wires.processes.map(name => viewOf(name, wires))
  const processes = await Promise.all([...inner, storeView(store), consoleView(relay)])
  return { atMs: clock.nowMs(), processes }
}

async function viewOf(name: InnerName, wires: InnerWires): Promise<ProcessView> {
  const answer = await wires.health(name)
  if ('got' in answer) return { process: name, answered: true, checks: answer.got.checks, figures: answer.got.figures }
  const check: Check = {
    name: 'answers',
    status: 'failed',
    detail: answer.trouble.detail,
    remedy: `Look at the log of ${name} and start it again; run: forewarn doctor`,
  }
  return { process: name, answered: false, checks: [check], figures: {} }
}

async function storeView(store: Pick<ReadingStore, 'health'>): Promise<ProcessView> {
  return { process: 'store', answered: true, checks: await store.health(), figures: {} }
}

function consoleView(relay: Relay): ProcessView {
  const live = relay.live()
  const check: Check = {
    name: 'news-from-alerts',
    status: live ? 'ok' : 'failed',
    detail: live ? 'new warnings reach open pages' : 'the stream of warnings is broken; pages do not learn of new ones',
    remedy: live ? '' : 'Start alerts again; the console reconnects by itself',
  }
  return { process: 'console', answered: true, checks: [check], figures: { open_pages: relay.listeners() } }
}
