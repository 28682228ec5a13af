/**
 * For tests of sources: what stands in for the agent. Keeps what was taken and refused, and waits for more of it.
 */
import { EventEmitter, once } from 'node:events'
import type { SenmlReading } from '@forewarn/contracts/senml'
import type { Clock } from '@forewarn/runtime/clock'
import { silentLog } from '@forewarn/runtime/log'
import type { PreparedSource, Refusal, SourceKind, Surroundings } from './source.ts'

export interface TakenReading extends SenmlReading {
  readonly gateway: string
  readonly backlog: boolean
}

export interface TestAround extends Surroundings {
  readonly taken: TakenReading[]
  readonly refused: Refusal[]
  /** The disk is full as long as this is true. */
  diskIsFull: boolean
  /** Resolves once the condition holds; asked again after each reading and refusal. */
  until(condition: () => boolean): Promise<void>
}

export function testAround(clock: Clock): TestAround {
  const changed = new EventEmitter().setMaxListeners(0)
  const around: TestAround = {
    taken: [],
    refused: [],
    diskIsFull: false,
    clock,
    log: silentLog(),
    async take(gateway, readings, { backlog }) {
      if (around.diskIsFull) throw new Error('the disk is full')
      around.taken.push(...readings.map(reading => ({ ...reading, gateway, backlog })))
      changed.emit('changed')
    },
    refuse(refusal) {
      around.refused.push(refusal)
      changed.emit('changed')
    },
    async until(condition) {
      while (!condition()) await once(changed, 'changed')
    },
  }
  return around
}

/** The source of a profile; fails the test when there is something wrong with it. */
export function prepared(kind: SourceKind, profile: unknown): PreparedSource {
  const outcome = kind.prepare(profile)
  if ('start' in outcome) return outcome
  throw new Error(outcome.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
}
