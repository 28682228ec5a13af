/**
 * Does what a transaction asked for, after it was committed. A deed is ticked off once done; when the process dies
 * in between it is done again: a repeated ring beats a silent one, and orders and deadlines carry ids.
 */
import type { Clock } from '@forewarn/runtime/clock'
import type { Log } from '@forewarn/runtime/log'
import type { Metrics } from '@forewarn/runtime/metrics'
import type { JobQueue } from '@forewarn/runtime/queue'
import type { Ledger } from './ledger.ts'
import type { Radio } from './radio.ts'
import type { Deadline, Deed } from './records.ts'

export interface OutboxOptions {
  readonly ledger: Ledger
  readonly radio: Radio
  readonly deadlines: JobQueue
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

export interface Outbox {
  /** Says that there may be something to do. */
  wake(): void
  /** Deeds begun and not ticked off. */
  inHand(): number
  /** Begins nothing more and waits for what does not hang on the broker. */
  stop(): Promise<void>
}

const retryMs = 2000

/** Looks in the ledger for deeds that are not done yet, and does them. */
export function openOutbox(options: OutboxOptions): Outbox {
  const { ledger, log } = options
  const inHand = new Set<number>()
  let looking: Promise<void> | undefined
  let again = false
  let stopped = false

  const perform = async (number: number, deed: Deed) => {
    inHand.add(number)
    try {
      await doDeed(options, deed)
      if (!stopped) await ledger.deedDone(number)
    } catch (error) {
      if (!stopped) log.warn('deed-failed', { deed: deed.kind, reason: String(error) })
    } finally {
      inHand.delete(number)
    }
  }
  const look = async () => {
    do {
      again = false
      const due = (await ledger.deedsDue()).filter(({ number }) => !inHand.has(number))
      // Begun in order and not awaited one by one: an order waits for the broker, a deadline must not.
      for (const { number, deed } of due) void perform(number, deed)
    } while (again && !stopped)
  }
  const wake = () => {
    again = true
    if (looking !== undefined || stopped) return
    looking = look()
      .catch((error: unknown) => log.warn('deeds-not-read', { reason: String(error) }))
      .finally(() => {
        looking = undefined
      })
  }
  const timer = setInterval(wake, retryMs)
  return {
    wake,
    inHand: () => inHand.size,
    async stop() {
      stopped = true
      clearInterval(timer)
      await looking
    },
  }
}

async function doDeed({ radio, deadlines, clock, log, metrics }: OutboxOptions, deed: Deed): Promise<void> {
  switch (deed.kind) {
    case 'ring':
      log.warn('officer-rung', { warning: deed.warningId, role: deed.role, level: deed.level, mode: deed.mode })
      metrics.counter('forewarn_rings_total', 'times somebody was rung', ['role', 'mode']).inc({
        role: deed.role,
        mode: deed.mode,
      })
      return
    case 'await-escalation':
      return addDeadline({ deadlines, clock }, { ...deed, kind: 'escalation' })
    case 'await-veto':
      return addDeadline({ deadlines, clock }, { ...deed, kind: 'veto' })
    case 'send-order':
      await radio.send(deed)
      log.info('order-sent', { order: deed.message.orderId, action: deed.message.action, mode: deed.message.mode })
  }
}

/** The id names the deadline, so that adding it again at a restart changes nothing. */
export async function addDeadline(
  { deadlines, clock }: { deadlines: JobQueue; clock: Clock },
  deadline: Deadline,
): Promise<void> {
  const subject = deadline.kind === 'veto' ? deadline.orderId : deadline.warningId
  const jobId = `${subject}.${deadline.kind}.${Math.round(deadline.dueAtMs)}`
  const delayMs = clock.wallDelayMs(deadline.dueAtMs - clock.nowMs())
  await deadlines.add([{ jobId, name: deadline.kind, data: deadline, delayMs }])
}
